// SPDX-License-Identifier: MIT
//
// Processes that exist only as a list: for tests and simulations.
//
// Threads: one; it has no lock.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "memcgfs/world/task_table.h"

namespace memcgfs::world {

class ScriptedTasks final : public TaskTable {
public:
    /// Adds a process, or replaces the one with the same pid.
    void put(ProcessInfo process) { processes_[process.pid] = std::move(process); }
    /// Makes `tid` a thread of process `pid`.
    void put_thread(std::int32_t tid, std::int32_t pid) { threads_[tid] = pid; }
    void remove_thread(std::int32_t tid) { threads_.erase(tid); }
    void remove(std::int32_t pid) { processes_.erase(pid); }
    void set_css_set(std::int32_t pid, std::uint32_t css_set) {
        processes_.at(pid).css_set = css_set;
    }

    Result<ProcessInfo> find(std::int32_t pid, std::int32_t caller_tid) override;
    /// The first one, then the others by number.
    std::vector<std::int32_t> threads_of(std::int32_t pid) override;
    void leaves(std::int32_t pid) override { processes_.at(pid).zombie = true; }
    /// In the order of pids.
    std::vector<ProcessInfo> snapshot() override;
    Result<void> claim_oom_score_adj(std::int32_t pid, std::int32_t oom_score_adj) override;

private:
    std::map<std::int32_t, ProcessInfo> processes_;
    std::map<std::int32_t, std::int32_t> threads_;
};

}  // namespace memcgfs::world
