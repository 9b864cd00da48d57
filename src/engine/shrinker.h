// SPDX-License-Identifier: MIT
//
// Shrinkers: reclaim of what is not on the lists (mm/shrinker.c, do_shrink_slab, 6.1 and 6.12; spec
// engine.md 3.6).
#pragma once

#include "engine/operation.h"
#include "engine/reclaim.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// True if the group has anything that a shrinker would look at.
bool has_shrinkable(const Engine::State& state, const Memcg& memcg);

/// One pass of all shrinkers over a group, at control.priority and for control.node.
Coro<void> shrink_slab(Engine::State& state, OpContext& op, const ScanControl& control,
                       Memcg& memcg);

}  // namespace memcgfs::engine
