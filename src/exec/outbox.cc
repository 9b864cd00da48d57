// SPDX-License-Identifier: MIT
#include "memcgfs/exec/outbox.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace memcgfs::exec {

namespace {

struct Delivery {
    EffectHandlers& handlers;
    void operator()(engine::SpawnEffect& effect) { handlers.spawn(std::move(effect.operation)); }
    void operator()(engine::WakeEffect& effect) { handlers.wake(effect.operation); }
    void operator()(engine::KillEffect& effect) { handlers.kill(effect); }
    void operator()(engine::FreezeEffect& effect) { handlers.freeze(effect); }
    void operator()(engine::MoveEffect& effect) { handlers.move(effect); }
    void operator()(engine::FileModifiedEffect& effect) { handlers.file_modified(effect); }
    void operator()(engine::ContentChangedEffect& effect) { handlers.content_changed(effect); }
    void operator()(engine::EventTickEffect& effect) { handlers.tick(effect); }
    void operator()(engine::PsiTriggerEffect& effect) { handlers.psi_trigger(effect); }
    void operator()(engine::ReleaseAgentEffect& effect) { handlers.run_release_agent(effect); }
    void operator()(engine::AwaitMembersEffect&) { handlers.await_members(); }
    void operator()(engine::KernelLogEffect& effect) { handlers.kernel_log(effect); }
};

}  // namespace

void Outbox::emit(engine::Effect effect) {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(effect));
    emitted_++;
}

bool Outbox::empty() const {
    const MutexLock lock(mutex_);
    return delivered_ == emitted_;
}

void Outbox::flush() {
    mutex_.lock();
    const std::uint64_t wanted = emitted_;
    if (delivering_ && deliverer_ == std::this_thread::get_id()) {
        goal_ = std::max(goal_, wanted);
        mutex_.unlock();
        return;
    }
    while (delivered_ < wanted) {
        if (delivering_) {
            handed_over_.wait(mutex_);
            continue;
        }
        delivering_ = true;
        deliverer_ = std::this_thread::get_id();
        // Not to the end of the queue: others may go on emitting, and this caller has an answer
        // to give.
        goal_ = wanted;
        while (delivered_ < goal_) {
            engine::Effect effect = std::move(queue_.front());
            queue_.pop_front();
            mutex_.unlock();
            deliver(std::move(effect));
            mutex_.lock();
            delivered_++;
        }
        delivering_ = false;
        deliverer_ = {};
        handed_over_.notify_all();
    }
    mutex_.unlock();
}

void Outbox::deliver(engine::Effect effect) { std::visit(Delivery{handlers_}, effect); }

}  // namespace memcgfs::exec
