// SPDX-License-Identifier: MIT
#include "memcgfs/exec/sim_executor.h"

#include <utility>

#include "exec/run_table.h"

namespace memcgfs::exec {

SimExecutor::SimExecutor(Mutex& engine_mutex, Outbox& outbox, ManualClock& clock,
                         std::uint64_t seed)
    : engine_mutex_(engine_mutex),
      outbox_(outbox),
      clock_(clock),
      random_(seed),
      table_(std::make_unique<RunTable>()) {}

SimExecutor::~SimExecutor() {
    running_ = true;
    while (!table_->empty()) {
        for (RunTable::Entry* entry : table_->all()) {
            table_->wake(*entry);
        }
        std::unique_ptr<RunTable::Entry> ended = table_->remove(table_->take(0));
        {
            MutexLock engine_lock(engine_mutex_);
            ended->operation.reset();
        }
        outbox_.flush();
        if (ended->done) {
            ended->done(Err(Errno::kECANCELED));
        }
    }
}

void SimExecutor::submit(std::unique_ptr<Operation> operation, Done done) {
    table_->add(std::move(operation), std::move(done));
}

void SimExecutor::wake(OperationId id) {
    if (RunTable::Entry* entry = table_->find(id)) {
        table_->wake(*entry);
    }
}

void SimExecutor::interrupt(OperationId id) {
    RunTable::Entry* entry = table_->find(id);
    if (entry == nullptr) {
        return;
    }
    {
        MutexLock engine_lock(engine_mutex_);
        entry->operation->interrupt();
    }
    table_->wake(*entry);
    outbox_.flush();
}

bool SimExecutor::step_one() {
    table_->wake_due(clock_.now());
    if (table_->runnable() == 0) {
        const auto due = table_->next_due();
        if (!due) {
            return false;
        }
        clock_.advance_to(*due);
        table_->wake_due(clock_.now());
    }
    run_one();
    return true;
}

void SimExecutor::run_until_idle() {
    while (step_one()) {
    }
}

void SimExecutor::run_until(Nanos time) {
    for (;;) {
        table_->wake_due(clock_.now());
        if (table_->runnable() == 0) {
            const auto due = table_->next_due();
            if (!due || *due > time) {
                break;
            }
            clock_.advance_to(*due);
            continue;
        }
        run_one();
    }
    clock_.advance_to(time);
}

bool SimExecutor::empty() const { return table_->empty(); }

void SimExecutor::run_one() {
    MEMCGFS_ASSERT(!running_);
    running_ = true;
    RunTable::Entry& entry = table_->take(random_.below(table_->runnable()));
    std::unique_ptr<RunTable::Entry> ended;
    OperationResult result = Err(Errno::kECANCELED);
    Step step;
    {
        MutexLock engine_lock(engine_mutex_);
        step = entry.operation->step();
        if (step.kind == Step::Kind::kDone) {
            result = entry.operation->result();
            ended = table_->remove(entry);
            ended->operation.reset();
        }
    }
    steps_++;
    outbox_.flush();
    if (ended == nullptr) {
        table_->settle(entry, step);
    } else if (ended->done) {
        ended->done(result);
    }
    running_ = false;
}

}  // namespace memcgfs::exec
