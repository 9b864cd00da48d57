// SPDX-License-Identifier: MIT
//
// v1 soft limits (mm/memcontrol.c, 6.1; spec engine.md 4.5). Page events refresh them (notify.h).
// Only kswapd and direct reclaim look at soft limits; a group's own limit never does.
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// The group's place among those over their soft limit, and its ancestors'
/// (mem_cgroup_update_tree).
void update_soft_limit_tree(Engine::State& state, Memcg& memcg);

/// Reclaims from the groups of the node that are furthest over their soft limit, the worst
/// first, until something was freed. Returns how much.
Coro<Pages> mem_cgroup_soft_limit_reclaim(Engine::State& state, OpContext& op, NodeId node);

}  // namespace memcgfs::engine
