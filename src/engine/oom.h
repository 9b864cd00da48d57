// SPDX-License-Identifier: MIT
//
// The memcg OOM killer and v1's oom_kill_disable (mm/oom_kill.c, mm/memcontrol.c, 6.1; spec 6).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct OomRequest {
    Memcg& domain;  ///< whose limit was hit
    Pages pages{1};
};

/// Enters the OOM path for a charge of the operation's task (mem_cgroup_oom). True: try again.
/// False: nothing can be killed, killing is disabled (the task's memcg_in_oom is set then), or
/// the charge is too large to kill for.
bool mem_cgroup_oom(Engine::State& state, OpContext& op, OomRequest request);

/// Chooses and kills inside the domain (out_of_memory for a memcg). True: something was killed,
/// is already dying, or room has appeared.
bool oom_kill(Engine::State& state, const OpContext& op, OomRequest request);

/// A v1 task whose fault ended in a group with oom_kill_disable sleeps until there may be room
/// (mem_cgroup_oom_synchronize). True: it was parked, so the fault is to be tried again.
Coro<bool> oom_synchronize(Engine::State& state, OpContext& op);

/// Wakes parked tasks whose group is related to `memcg` (memcg_oom_recover).
void oom_recover(Engine::State& state, const Memcg& memcg);

/// SIGKILL to one task: written off at once, its memory freed unless it is in the middle of a
/// charge (then when that ends).
void kill_task(Engine::State& state, Task& task, const char* reason);

/// Every task that is charged to `memcg` or a group below, in walk order.
std::vector<Task*> tasks_of_subtree(const Engine::State& state, const Memcg& memcg);

}  // namespace memcgfs::engine
