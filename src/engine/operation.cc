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

CoroOperation::CoroOperation(OpContext context, std::string_view name, Body body, Hooks hooks)
    : context_(context),
      name_(name),
      body_(std::move(body)),
      hooks_(std::move(hooks)),
      call_(body_(context_)) {
    call_->start(driver_);
}

Step CoroOperation::step() {
    hooks_.before_step(context_);
    const Step step = driver_.run();
    if (step.kind == Step::Kind::kDone) {
        result_.emplace(call_->take());
        // What the call and its captures pin is free before after_step_ looks for what to free.
        call_.reset();
        body_ = nullptr;
    }
    hooks_.after_step();
    return step;
}

}  // namespace memcgfs::engine
