// SPDX-License-Identifier: MIT
//
// Runs operations in virtual time on the caller's thread, in an order drawn from a seed.
//
// The same operations, lock-drop points and wake-up rules as the thread executor's: each step is
// one engine-lock hold, effects are delivered through the same outbox after it. Time moves only
// when nothing is runnable. Equal seeds and equal operations give equal histories.
//
// Threads: one. Methods may be called from Done and from effect handlers, but not those that run
// steps.
#pragma once

#include <cstdint>
#include <memory>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/base/random.h"
#include "memcgfs/exec/outbox.h"

namespace memcgfs::exec {

class RunTable;

class SimExecutor final : public OperationRunner {
public:
    /// All references outlive the executor.
    SimExecutor(Mutex& engine_mutex, Outbox& outbox, ManualClock& clock, std::uint64_t seed);
    /// Drops what is left; each Done gets ECANCELED.
    ~SimExecutor() override;
    SimExecutor(const SimExecutor&) = delete;
    SimExecutor& operator=(const SimExecutor&) = delete;

    void submit(std::unique_ptr<Operation> operation, Done done) override;
    void wake(OperationId id) override;
    void interrupt(OperationId id) override;

    /// One step of one runnable operation; time moves to the first sleeper's end if there is
    /// none. False: all wait for a wake-up, or none is left.
    bool step_one();
    /// Until step_one() has nothing to do. Does not end if an operation sleeps for ever.
    void run_until_idle();
    /// All that happens up to and at `time`, which is the clock's time afterwards.
    void run_until(Nanos time);

    /// Steps made so far.
    std::uint64_t steps() const { return steps_; }
    /// No operation is left.
    bool empty() const;

private:
    void run_one();

    Mutex& engine_mutex_;
    Outbox& outbox_;
    ManualClock& clock_;
    Random random_;
    std::unique_ptr<RunTable> table_;
    std::uint64_t steps_ = 0;
    bool running_ = false;
};

}  // namespace memcgfs::exec
