// SPDX-License-Identifier: MIT
#include "fuse/pending.h"

#include <utility>
#include <vector>

namespace memcgfs::fuse {

void PendingRequests::start(fuse_req_t request, std::unique_ptr<Operation> operation,
                            OperationRunner::Done reply) {
    hand_over(request, std::move(operation), std::move(reply), &OperationRunner::submit);
}

void PendingRequests::run(fuse_req_t request, std::unique_ptr<Operation> operation,
                          OperationRunner::Done reply) {
    hand_over(request, std::move(operation), std::move(reply), &OperationRunner::run);
}

void PendingRequests::hand_over(fuse_req_t request, std::unique_ptr<Operation> operation,
                                OperationRunner::Done reply, Submit submit) {
    const OperationId id = operation->id();
    {
        MutexLock lock(mutex_);
        entries_[request] = {id, false};
        unanswered_++;
    }
    // May call on_interrupt() at once. After submit() the request may be gone already.
    fuse_req_interrupt_func(request, &PendingRequests::on_interrupt, this);
    (runner_.*submit)(std::move(operation),
                      [this, request, reply = std::move(reply)](OperationResult result) {
                          {
                              MutexLock lock(mutex_);
                              entries_.erase(request);
                          }
                          reply(std::move(result));
                          MutexLock lock(mutex_);
                          unanswered_--;
                          answered_.notify_all();
                      });
    if (was_interrupted(request, id)) {
        runner_.interrupt(id);
    }
}

bool PendingRequests::was_interrupted(fuse_req_t request, OperationId id) {
    MutexLock lock(mutex_);
    const auto entry = entries_.find(request);
    return entry != entries_.end() && entry->second.id == id && entry->second.interrupted;
}

void PendingRequests::on_interrupt(fuse_req_t request, void* self) {
    static_cast<PendingRequests*>(self)->interrupt(request);
}

void PendingRequests::interrupt(fuse_req_t request) {
    if (ends_ && !ends_(fuse_req_ctx(request)->pid)) {
        return;
    }
    OperationId id{};
    {
        MutexLock lock(mutex_);
        const auto entry = entries_.find(request);
        if (entry == entries_.end()) {
            return;
        }
        entry->second.interrupted = true;
        id = entry->second.id;
    }
    runner_.interrupt(id);
}

void PendingRequests::interrupt_all_and_wait() {
    std::vector<OperationId> ids;
    {
        MutexLock lock(mutex_);
        for (const auto& [request, entry] : entries_) {
            ids.push_back(entry.id);
        }
    }
    for (const OperationId id : ids) {
        runner_.interrupt(id);
    }
    MutexLock lock(mutex_);
    while (unanswered_ != 0) {
        answered_.wait(mutex_);
    }
}

}  // namespace memcgfs::fuse
