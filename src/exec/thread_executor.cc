// SPDX-License-Identifier: MIT
#include "memcgfs/exec/thread_executor.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <utility>

#include "exec/run_table.h"

namespace memcgfs::exec {

namespace {
// A sleep may end in centuries; the condition variable's own arithmetic must not overflow.
constexpr Nanos kLongestWait = from_millis(3'600'000);
}  // namespace

struct ThreadExecutor::Turn {
    RunTable::Entry* entry = nullptr;
    Step step;
};

ThreadExecutor::ThreadExecutor(Mutex& engine_mutex, Outbox& outbox, const Clock& clock,
                               unsigned threads)
    : engine_mutex_(engine_mutex),
      outbox_(outbox),
      clock_(clock),
      table_(std::make_unique<RunTable>()) {
    MEMCGFS_ASSERT(threads > 0);
    // Signals belong to the daemon's main loop; threads inherit the mask they are made under.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (unsigned number = 0; number < threads; number++) {
        workers_.emplace_back([this, number] { work(number); });
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ThreadExecutor::~ThreadExecutor() { stop(); }

void ThreadExecutor::submit(std::unique_ptr<Operation> operation, Done done) {
    {
        MutexLock lock(mutex_);
        if (!stopping_) {
            table_->add(std::move(operation), std::move(done));
            changed_.notify_one();
            return;
        }
    }
    drop(std::move(operation), done);
}

void ThreadExecutor::run(std::unique_ptr<Operation> operation, Done done) {
    Turn turn;
    {
        MutexLock lock(mutex_);
        if (!stopping_) {
            table_->add(std::move(operation), std::move(done));
            turn.entry = &table_->take(table_->runnable() - 1);
        }
    }
    if (turn.entry == nullptr) {
        drop(std::move(operation), done);
        return;
    }
    After after = After::kMine;
    for (std::uint32_t steps = 1; after == After::kMine; steps++) {
        after = make_step(turn, steps < kStepsAtOnce);
    }
    if (after == After::kLeft) {
        MutexLock lock(mutex_);
        changed_.notify_one();  // the workers may all be asleep
    }
}

void ThreadExecutor::drop(std::unique_ptr<Operation> operation, const Done& done) {
    {
        MutexLock engine_lock(engine_mutex_);
        operation.reset();
    }
    outbox_.flush();
    if (done) {
        done(Err(Errno::kECANCELED));
    }
}

void ThreadExecutor::wake(OperationId id) {
    MutexLock lock(mutex_);
    RunTable::Entry* entry = table_->find(id);
    if (entry != nullptr && table_->wake(*entry)) {
        changed_.notify_one();
    }
}

void ThreadExecutor::interrupt(OperationId id) {
    {
        // The engine lock keeps the operation from being stepped or destroyed meanwhile.
        MutexLock engine_lock(engine_mutex_);
        MutexLock lock(mutex_);
        RunTable::Entry* entry = table_->find(id);
        if (entry == nullptr) {
            return;
        }
        entry->operation->interrupt();
        if (table_->wake(*entry)) {
            changed_.notify_one();
        }
    }
    outbox_.flush();
}

void ThreadExecutor::stop() {
    {
        MutexLock engine_lock(engine_mutex_);
        MutexLock lock(mutex_);
        if (!stopping_) {
            stopping_ = true;
            for (RunTable::Entry* entry : table_->all()) {
                entry->operation->interrupt();
                table_->wake(*entry);
            }
        }
        changed_.notify_all();
    }
    for (std::thread& worker : workers_) {
        worker.join();
    }
    workers_.clear();
    outbox_.flush();
}

void ThreadExecutor::work(unsigned number) noexcept {
    pthread_setname_np(pthread_self(), ("memcgfs-exec-" + std::to_string(number)).c_str());
    Turn turn;
    while (next(turn)) {
        make_step(turn, false);
    }
}

bool ThreadExecutor::next(Turn& turn) {
    MutexLock lock(mutex_);
    for (;;) {
        table_->wake_due(clock_.now());
        if (table_->runnable() > 0) {
            turn.entry = &table_->take(0);
            if (table_->runnable() > 0) {
                changed_.notify_one();
            }
            return true;
        }
        if (stopping_ && table_->empty()) {
            return false;
        }
        if (const auto due = table_->next_due()) {
            changed_.wait_for(mutex_, std::min(*due - clock_.now(), kLongestWait));
        } else {
            changed_.wait(mutex_);
        }
    }
}

ThreadExecutor::After ThreadExecutor::make_step(Turn& turn, bool keep) {
    RunTable::Entry& entry = *turn.entry;
    std::unique_ptr<RunTable::Entry> ended;
    OperationResult result = Err(Errno::kECANCELED);
    {
        MutexLock engine_lock(engine_mutex_);
        turn.step = entry.operation->step();
        if (turn.step.kind == Step::Kind::kDone) {
            result = entry.operation->result();
        }
        {
            MutexLock lock(mutex_);
            if (turn.step.kind == Step::Kind::kDone || to_be_dropped(turn)) {
                ended = table_->remove(entry);
            }
        }
        if (ended != nullptr) {
            ended->operation.reset();
        }
    }
    outbox_.flush();
    if (ended != nullptr) {
        if (ended->done) {
            ended->done(result);
        }
        MutexLock lock(mutex_);
        if (stopping_ && table_->empty()) {
            changed_.notify_all();
        }
        return After::kEnded;
    }
    MutexLock lock(mutex_);
    if (keep && turn.step.kind == Step::Kind::kYield) {
        return After::kMine;
    }
    table_->settle(entry, turn.step);
    // Whoever waits for the first sleeper must learn of an earlier one: this thread may be busy
    // with another operation by then.
    if (turn.step.kind == Step::Kind::kSleep) {
        changed_.notify_one();
    }
    return After::kLeft;
}

bool ThreadExecutor::to_be_dropped(Turn& turn) {
    if (!stopping_) {
        return false;
    }
    // stopping_ is set under the engine lock, so this step came after the interrupt.
    const bool wants_to_wait = turn.step.kind != Step::Kind::kYield && !turn.entry->woken;
    return wants_to_wait || ++turn.entry->steps_after_stop >= kStepsAfterStop;
}

}  // namespace memcgfs::exec
