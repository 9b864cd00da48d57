// SPDX-License-Identifier: MIT
#include "memcgfs/files/payers.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace memcgfs::files {

namespace {

constexpr std::int32_t kNeverKilled = -1000;  // oom_score_adj

}  // namespace

/// A pid may pass to another process; a descriptor of the process tells.
struct Payers::Process {
    Process(engine::TaskId id, std::int32_t process)
        : task(id), pid(process), file(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
    ~Process() {
        if (file >= 0) {
            close(file);
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    const engine::TaskId task;
    const std::int32_t pid;
    const int file;
};

Payers::~Payers() = default;

bool Payers::lives(const Process& process) {
    pollfd wanted{process.file, POLLIN, 0};
    return process.file >= 0 && poll(&wanted, 1, 0) == 0;
}

std::shared_ptr<Payers::Process> Payers::known(std::int32_t thread) {
    const MutexLock lock(mutex_);
    const auto found = threads_.find(thread);
    return found == threads_.end() ? nullptr : found->second;
}

engine::TaskId Payers::of(std::int32_t thread) {
    auto process = known(thread);
    bool stands = process != nullptr && lives(*process);
    if (stands) {
        const MutexLock lock(engine_mutex_);
        stands = engine_.find(process->task) != nullptr;
    }
    if (!stands) {
        process = learn(thread);
    }
    if (process == nullptr) {
        return stranger();
    }
    if (settle_) {
        settle_(process->pid);
    }
    return process->task;
}

std::shared_ptr<Payers::Process> Payers::learn(std::int32_t thread) {
    const auto found =
        thread > 0 ? tasks_.find(0, thread) : Result<world::ProcessInfo>(Err(Errno::kESRCH));
    if (!found.ok()) {
        return nullptr;
    }
    engine::TaskId task;
    {
        const MutexLock lock(engine_mutex_);
        const engine::Task* const there = engine_.find_task_by_pid(found->pid);
        task = there != nullptr ? there->id
                                : engine_.add_task({.pid = found->pid,
                                                    .uid = found->uid,
                                                    .oom_score_adj = found->oom_score_adj,
                                                    .comm = found->comm,
                                                    .threads = found->threads},
                                                   engine_.css_set(found->css_set));
    }
    auto process = std::make_shared<Process>(task, found->pid);
    const MutexLock lock(mutex_);
    if (threads_.size() >= kMost) {
        threads_.clear();
    }
    threads_[thread] = process;
    return process;
}

engine::TaskId Payers::stranger() {
    const MutexLock lock(engine_mutex_);
    if (engine_.find(stranger_) == nullptr) {
        stranger_ = engine_.add_task({.oom_score_adj = kNeverKilled, .comm = "outside"}, {});
    }
    return stranger_;
}

}  // namespace memcgfs::files
