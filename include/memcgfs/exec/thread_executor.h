// SPDX-License-Identifier: MIT
//
// Runs operations on real threads.
//
// A worker's round: engine lock, step(), unlock, outbox flush, then what the step asked for. A
// finished operation is destroyed under the engine lock of its last step; its Done is called
// after the flush with no lock held. A wake-up that comes during a step is kept for its end.
//
// Threads: all methods may be called by any thread that holds no lock, the workers themselves
// (from Done and from effect handlers) included; stop() not by a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/exec/outbox.h"

namespace memcgfs::exec {

class RunTable;

class ThreadExecutor final : public OperationRunner {
public:
    static constexpr unsigned kDefaultThreads = 2;

    /// All arguments outlive the executor. `clock` runs at the speed of real time. The workers
    /// start at once, with all signals blocked, named "memcgfs-exec-N".
    ThreadExecutor(Mutex& engine_mutex, Outbox& outbox, const Clock& clock,
                   unsigned threads = kDefaultThreads);
    /// stop().
    ~ThreadExecutor() override;
    ThreadExecutor(const ThreadExecutor&) = delete;
    ThreadExecutor& operator=(const ThreadExecutor&) = delete;

    /// After stop() the operation is not run and `done` gets ECANCELED at once.
    void submit(std::unique_ptr<Operation> operation, Done done) override;
    /// At most kStepsAtOnce steps here.
    void run(std::unique_ptr<Operation> operation, Done done) override;
    static constexpr std::uint32_t kStepsAtOnce = 64;
    void wake(OperationId id) override;
    void interrupt(OperationId id) override;

    /// Interrupts all operations, lets each come to its end, and joins the workers. One that
    /// still wants to sleep or wait, or goes on for more than kStepsAfterStop steps, is dropped
    /// and its Done gets ECANCELED. May be called twice.
    void stop();
    static constexpr std::uint32_t kStepsAfterStop = 1000;

private:
    struct Turn;  // one operation's way through a round

    void work(unsigned number) noexcept;
    /// Waits for a runnable operation. False: stopped, and nothing is left.
    bool next(Turn& turn);
    enum class After : std::uint8_t {
        kEnded,
        kLeft,  ///< to whoever looks next for something runnable
        kMine,  ///< wants another step; only if `keep`
    };
    After make_step(Turn& turn, bool keep);
    void drop(std::unique_ptr<Operation> operation, const Done& done);
    bool to_be_dropped(Turn& turn) MEMCGFS_REQUIRES(mutex_);

    Mutex& engine_mutex_;
    Outbox& outbox_;
    const Clock& clock_;
    Mutex mutex_{LockRank::kExecutor};
    CondVar changed_;  // something became runnable, an earlier sleep began, or the end has come
    std::unique_ptr<RunTable> table_ MEMCGFS_GUARDED_BY(mutex_);
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::vector<std::thread> workers_;
};

}  // namespace memcgfs::exec
