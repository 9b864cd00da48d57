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
    return process->second;
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
