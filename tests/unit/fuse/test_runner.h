// SPDX-License-Identifier: MIT
//
// A runner with one thread, and an operation that waits for the test.
#pragma once

#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"

namespace memcgfs::fuse::testing {

/// Lets WaitingOperations end. Threads: any.
class Gate {
public:
    void open() {
        MutexLock lock(mutex_);
        open_ = true;
    }
    bool is_open() const {
        MutexLock lock(mutex_);
        return open_;
    }

private:
    mutable Mutex mutex_{LockRank::kOutbox};
    bool open_ MEMCGFS_GUARDED_BY(mutex_) = false;
};

/// Ends with success once the gate is open, or with EINTR when interrupted before.
class WaitingOperation final : public Operation {
public:
    WaitingOperation(OperationId id, const Gate& gate) : id_(id), gate_(gate) {}
    Step step() override {
        if (!interrupted_ && !gate_.is_open()) {
            return {Step::Kind::kWait, {}};
        }
        return {Step::Kind::kDone, {}};
    }
    void interrupt() override { interrupted_ = true; }
    OperationResult result() const override {
        return interrupted_ ? OperationResult(Err(Errno::kEINTR)) : OperationResult(0);
    }
    OperationId id() const override { return id_; }
    std::string_view name() const override { return "waiting"; }

private:
    const OperationId id_;
    const Gate& gate_;
    bool interrupted_ = false;
};

class TestRunner final : public OperationRunner {
public:
    TestRunner() : thread_([this] { loop(); }) {}
    ~TestRunner() override {
        {
            MutexLock lock(mutex_);
            stopping_ = true;
            changed_.notify_all();
        }
        thread_.join();
    }

    void submit(std::unique_ptr<Operation> operation, Done done) override {
        MutexLock lock(mutex_);
        const OperationId id = operation->id();
        jobs_.emplace(id, Job{std::move(operation), std::move(done), true});
        submitted_++;
        changed_.notify_all();
    }
    void wake(OperationId id) override {
        MutexLock lock(mutex_);
        if (const auto job = jobs_.find(id); job != jobs_.end()) {
            job->second.runnable = true;
            changed_.notify_all();
        }
    }
    void interrupt(OperationId id) override {
        MutexLock lock(mutex_);
        if (const auto job = jobs_.find(id); job != jobs_.end()) {
            job->second.operation->interrupt();
            job->second.runnable = true;
            changed_.notify_all();
        }
    }

    void wake_all() {
        MutexLock lock(mutex_);
        for (auto& [id, job] : jobs_) {
            job.runnable = true;
        }
        changed_.notify_all();
    }
    /// Returns once `count` operations have ever been submitted.
    void wait_for_submitted(std::size_t count) {
        MutexLock lock(mutex_);
        while (submitted_ < count) {
            changed_.wait(mutex_);
        }
    }

private:
    struct Job {
        std::unique_ptr<Operation> operation;
        Done done;
        bool runnable = false;
    };

    void loop() {
        while (true) {
            std::vector<std::pair<Done, OperationResult>> finished;
            {
                MutexLock lock(mutex_);
                while (!stopping_ && !run_once(finished)) {
                    changed_.wait(mutex_);
                }
                if (finished.empty()) {
                    return;
                }
            }
            for (auto& [done, result] : finished) {
                done(std::move(result));
            }
        }
    }
    bool run_once(std::vector<std::pair<Done, OperationResult>>& finished)
        MEMCGFS_REQUIRES(mutex_) {
        for (auto job = jobs_.begin(); job != jobs_.end();) {
            if (job->second.runnable) {
                job->second.runnable = false;
                if (job->second.operation->step().kind == Step::Kind::kDone) {
                    finished.emplace_back(std::move(job->second.done),
                                          job->second.operation->result());
                    job = jobs_.erase(job);
                    continue;
                }
            }
            ++job;
        }
        return !finished.empty();
    }

    Mutex mutex_{LockRank::kExecutor};
    CondVar changed_;
    std::map<OperationId, Job> jobs_ MEMCGFS_GUARDED_BY(mutex_);
    std::size_t submitted_ MEMCGFS_GUARDED_BY(mutex_) = 0;
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace memcgfs::fuse::testing
