// SPDX-License-Identifier: MIT
//
// What the kernel log says about an OOM kill (dump_header, oom_kill_process, mm/oom_kill.c;
// mem_cgroup_print_oom_*, mm/memcontrol.c; 4.19 and 5.10 to 6.12; spec engine.md 6.5). The stack
// dump, which is about the machine and not about memory, is left out.
#pragma once

#include <string_view>
#include <vector>

#include "engine/state.h"

namespace memcgfs::engine {

struct OomReport {
    Memcg& domain;                  ///< whose limit was hit; the root: the machine is full
    const Task* current = nullptr;  ///< who hit it; none: a process without a task here
    const Task* victim = nullptr;   ///< none: nobody could be killed
    Pages pages{1};                 ///< the charge
    std::int64_t score = 0;         ///< the victim's
    bool victim_asked = false;      ///< chosen for that, not for its score
    Pages total{};                  ///< what scores are measured against
};

/// From "invoked oom-killer" to the line that names the victim. At most ten in five seconds if
/// there is a victim.
void report_oom(Engine::State& state, const OomReport& report, const std::vector<Task*>& tasks);

/// For want of what somebody is killed.
std::string_view oom_message(const OomReport& report);

/// "MESSAGE: Killed process ...".
void log_killed(Engine::State& state, const Task& task, std::string_view message);

/// "Tasks in ... are going to be killed due to memory.oom.group set".
void log_group_kill(Engine::State& state, const Memcg& memcg);

/// "oom_reaper: reaped process ...".
void log_reaped(Engine::State& state, const Task& task);

/// "Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF", at most ten in five seconds.
void log_hopeless_fault(Engine::State& state);

}  // namespace memcgfs::engine
