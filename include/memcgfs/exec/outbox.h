// SPDX-License-Identifier: MIT
//
// Where the engine's effects wait until its lock has been dropped.
//
// emit() only queues (the engine lock is held then); flush() hands the effects on, in the order
// of emission, one after another. At most one thread delivers at any time, so handlers are never
// run side by side.
//
// Threads: emit() and flush() may be called by any thread. flush() with no lock held: handlers
// take locks of their own, and a thread that holds one of those while it waits for another
// thread's delivery would stop both.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <thread>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/effect.h"

namespace memcgfs::exec {

/// What is done about effects, one function a kind. Called with no lock held, by one thread at a
/// time. A handler may call OperationRunner's methods and flush(); it must not wait for another
/// request's end, nor do I/O on the daemon's own mount.
class EffectHandlers {
public:
    virtual ~EffectHandlers() = default;
    virtual void spawn(std::unique_ptr<Operation> operation) = 0;
    virtual void wake(OperationId operation) = 0;
    virtual void kill(const engine::KillEffect& effect) = 0;
    virtual void freeze(const engine::FreezeEffect& effect) = 0;
    virtual void move(const engine::MoveEffect& effect) = 0;
    virtual void file_modified(const engine::FileModifiedEffect& effect) = 0;
    virtual void content_changed(const engine::ContentChangedEffect& effect) = 0;
    virtual void tick(const engine::EventTickEffect& effect) = 0;
    virtual void psi_trigger(const engine::PsiTriggerEffect& effect) = 0;
    virtual void run_release_agent(const engine::ReleaseAgentEffect& effect) = 0;
    virtual void await_members() = 0;
    virtual void kernel_log(const engine::KernelLogEffect& effect) = 0;
};

class Outbox final : public engine::EffectSink {
public:
    /// `handlers` outlives the outbox.
    explicit Outbox(EffectHandlers& handlers) : handlers_(handlers) {}
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    void emit(engine::Effect effect) override;

    /// Nothing waits for a flush(), as far as this thread has emitted it.
    bool empty() const;

    /// On return all effects emitted before the call have been delivered, by this thread or by
    /// another. Called from inside a handler it returns at once, and the delivery under way goes
    /// on to include them.
    void flush();

private:
    void deliver(engine::Effect effect);

    EffectHandlers& handlers_;
    mutable Mutex mutex_{LockRank::kOutbox};
    CondVar handed_over_;  // delivering_ has become false
    std::deque<engine::Effect> queue_ MEMCGFS_GUARDED_BY(mutex_);
    std::uint64_t emitted_ MEMCGFS_GUARDED_BY(mutex_) = 0;    // effects ever queued
    std::uint64_t delivered_ MEMCGFS_GUARDED_BY(mutex_) = 0;  // of these, handed on
    std::uint64_t goal_ MEMCGFS_GUARDED_BY(mutex_) = 0;       // where the delivery may stop
    bool delivering_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread::id deliverer_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::exec
