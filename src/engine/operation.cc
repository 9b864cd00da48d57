// SPDX-License-Identifier: MIT
#include "engine/operation.h"

#include <algorithm>

namespace memcgfs::engine {

namespace {
constexpr Nanos kSleepThreshold = from_millis(1);
}  // namespace

void OpContext::spend(Nanos cost) { busy_until = std::max(busy_until, clock->now()) + cost; }

bool OpContext::owes_time() const { return busy_until > clock->now() + kSleepThreshold; }

PauseAwaiter OpContext::pause_point() const {
    if (owes_time()) {
        return pause({Step::Kind::kSleep, busy_until});
    }
    return pause({Step::Kind::kYield, {}});
}

CoroOperation::CoroOperation(OpContext context, std::string_view name, Body body,
                             std::function<void()> after_step)
    : context_(context),
      name_(name),
      body_(std::move(body)),
      after_step_(std::move(after_step)),
      call_(body_(context_)) {
    call_->start(driver_);
}

Step CoroOperation::step() {
    const Step step = driver_.run();
    if (step.kind == Step::Kind::kDone) {
        result_.emplace(call_->take());
        // What the call and its captures pin is free before after_step_ looks for what to free.
        call_.reset();
        body_ = nullptr;
    }
    after_step_();
    return step;
}

}  // namespace memcgfs::engine
