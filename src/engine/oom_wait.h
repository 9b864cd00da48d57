// SPDX-License-Identifier: MIT
//
// v1's oom_kill_disable: tasks that sleep until there is room, who is told, who wakes them
// (mem_cgroup_oom_synchronize and its friends, mm/memcontrol.c, 6.1; spec engine.md 6.6).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// A v1 task whose fault ended in a group with oom_kill_disable sleeps until there may be room.
/// True: it was parked, so the fault is to be tried again.
Coro<bool> oom_synchronize(Engine::State& state, OpContext& op);

/// Wakes parked tasks whose group is related to `memcg` (memcg_oom_recover).
void oom_recover(Engine::State& state, const Memcg& memcg);

/// The tree's OOM lock: taking it fails if any group of the tree is locked already, so that
/// nested OOMs are told once.
bool oom_trylock(Memcg& memcg);
void oom_unlock(Memcg& memcg);

/// Tells the listeners of memory.oom_control in the whole tree of `memcg` (mem_cgroup_oom_notify).
void oom_notify(Engine::State& state, Memcg& memcg);

}  // namespace memcgfs::engine
