// SPDX-License-Identifier: MIT
//
// kswapd: one reclaiming kernel thread a node (mm/vmscan.c, 6.1; spec engine.md 4.4).
#pragma once

#include "engine/page_alloc.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Wakes the kswapd of every eligible node that is not balanced and not given up.
void wake_all_kswapds(Engine::State& state, NodePreference nodes);

/// True if some zone of the node is above its high mark.
bool node_balanced(const Engine::State& state, NodeId node);

}  // namespace memcgfs::engine
