// SPDX-License-Identifier: MIT
#include "memcgfs/world/scripted_tasks.h"

namespace memcgfs::world {

Result<ProcessInfo> ScriptedTasks::find(std::int32_t pid, std::int32_t caller_tid) {
    const std::int32_t wanted = pid == 0 ? caller_tid : pid;
    const auto thread = threads_.find(wanted);
    const auto process = processes_.find(thread == threads_.end() ? wanted : thread->second);
    if (process == processes_.end()) {
        return Err(Errno::kESRCH);
    }
    ProcessInfo found = process->second;
    found.tid = wanted;
    return found;
}

std::vector<std::int32_t> ScriptedTasks::threads_of(std::int32_t pid) {
    if (!processes_.contains(pid)) {
        return {};
    }
    std::vector<std::int32_t> tids{pid};
    for (const auto& [tid, process] : threads_) {
        if (process == pid) {
            tids.push_back(tid);
        }
    }
    return tids;
}

std::vector<ProcessInfo> ScriptedTasks::snapshot() {
    std::vector<ProcessInfo> alive;
    for (const auto& [pid, process] : processes_) {
        if (!process.zombie) {
            alive.push_back(process);
        }
    }
    return alive;
}

Result<void> ScriptedTasks::claim_oom_score_adj(std::int32_t pid, std::int32_t oom_score_adj) {
    const auto process = processes_.find(pid);
    if (process == processes_.end()) {
        return Err(Errno::kESRCH);
    }
    process->second.oom_score_adj = oom_score_adj;
    return {};
}

}  // namespace memcgfs::world
