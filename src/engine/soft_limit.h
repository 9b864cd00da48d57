// SPDX-License-Identifier: MIT
//
// v1 soft limits, and the page events that refresh them (mm/memcontrol.c, 6.1; spec engine.md 4.5,
// 8.1). Only kswapd and direct reclaim look at soft limits; a group's own limit never does.
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// `pages` of the group were charged or uncharged: at certain counts its soft limit is looked at.
void memcg_check_events(Engine::State& state, Memcg& memcg, Pages pages);

/// Reclaims from the groups of the node that are furthest over their soft limit, the worst
/// first, until something was freed. Returns how much.
Coro<Pages> mem_cgroup_soft_limit_reclaim(Engine::State& state, OpContext& op, NodeId node);

}  // namespace memcgfs::engine
