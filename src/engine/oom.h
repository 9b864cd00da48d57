// SPDX-License-Identifier: MIT
//
// The memcg OOM killer (mm/oom_kill.c, mm/memcontrol.c, 6.1; spec engine.md 6.1-6.4).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct OomRequest {
    Memcg& domain;  ///< whose limit was hit
    Pages pages{1};
};

/// What a charge can still do: the room below memory's limit and, in v1, memory + swap's.
Pages margin(const Engine::State& state, const Memcg& memcg);

enum class OomStatus : std::uint8_t {
    kSuccess,  ///< try again
    kFailed,   ///< nothing can be killed
    kSkipped,  ///< killing is disabled (the task's memcg_in_oom is set), or the charge too large
};

/// Enters the OOM path for a charge of the operation's task (mem_cgroup_oom).
OomStatus mem_cgroup_oom(Engine::State& state, OpContext& op, OomRequest request);

/// Chooses and kills inside the domain (out_of_memory for a memcg). True: something was killed,
/// is already dying, or room has appeared.
bool oom_kill(Engine::State& state, const OpContext& op, OomRequest request);

/// SIGKILL to one task: written off at once, its memory freed unless it is in the middle of a
/// charge (then when that ends).
void kill_task(Engine::State& state, Task& task, const char* reason);

/// Every task that is charged to `memcg` or a group below, in walk order.
std::vector<Task*> tasks_of_subtree(const Engine::State& state, const Memcg& memcg);

/// oom_score_adj == -1000, or the global init: never killed for memory.
bool oom_spares(const Task& task);

/// DEVIATION(oom-only-simulated): a process without simulated memory is no candidate, for its
/// end would free nothing.
bool is_oom_candidate(const Task& task);

/// How good a victim the task is (oom_badness), against `total` pages that the domain can hold.
std::int64_t oom_badness(const Engine::State& state, const Task& task, Pages total);

}  // namespace memcgfs::engine
