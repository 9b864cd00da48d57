// SPDX-License-Identifier: MIT
//
// Requests whose answer waits for an Operation, and the way of an interrupt to that operation.
//
// An interrupt may come before the operation has been submitted, while it runs, or after it has
// ended. Operations are named by id, which is never used twice, so one that comes late does
// nothing; one that comes early is remembered and handed on after submit().
//
// Threads: start() from the serving thread, answers from the runner's. Lock: LockRank::kLeaf; no
// reply, submit or interrupt under it.
#pragma once

#include <fuse_lowlevel.h>

#include <functional>
#include <memory>
#include <unordered_map>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"

namespace memcgfs::fuse {

class PendingRequests {
public:
    /// Which interrupts end an operation: those of every signal, or of those that end the thread.
    using Ends = std::function<bool(std::int32_t thread)>;

    explicit PendingRequests(OperationRunner& runner, Ends ends = {})
        : runner_(runner), ends_(std::move(ends)) {}
    PendingRequests(const PendingRequests&) = delete;
    PendingRequests& operator=(const PendingRequests&) = delete;

    /// Runs the operation and calls `reply`, which answers `request`, when it has ended.
    void start(fuse_req_t request, std::unique_ptr<Operation> operation,
               OperationRunner::Done reply);
    /// The same, and what is short is over on return (OperationRunner::run).
    void run(fuse_req_t request, std::unique_ptr<Operation> operation, OperationRunner::Done reply);

    /// Interrupts all and returns when each has been answered.
    void interrupt_all_and_wait();

private:
    struct Entry {
        OperationId id{};
        bool interrupted = false;
    };

    using Submit = void (OperationRunner::*)(std::unique_ptr<Operation>, OperationRunner::Done);
    void hand_over(fuse_req_t request, std::unique_ptr<Operation> operation,
                   OperationRunner::Done reply, Submit submit);
    static void on_interrupt(fuse_req_t request, void* self);
    void interrupt(fuse_req_t request);
    /// Whether an interrupt of the request came while `id` was its operation.
    bool was_interrupted(fuse_req_t request, OperationId id);

    OperationRunner& runner_;
    const Ends ends_;
    Mutex mutex_{LockRank::kLeaf};
    CondVar answered_;
    /// Until the reply is about to be made; a request's address may be used again after it.
    std::unordered_map<fuse_req_t, Entry> entries_ MEMCGFS_GUARDED_BY(mutex_);
    std::size_t unanswered_ MEMCGFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace memcgfs::fuse
