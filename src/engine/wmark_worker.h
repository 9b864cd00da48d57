// SPDX-License-Identifier: MIT
//
// Alibaba's per-memcg background reclaim: queueing and the work itself (alibaba-wmark.md 3).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Queues the group's work item. Already pending: nothing. Running: it runs once more.
void queue_wmark_work(Engine::State& state, Memcg& memcg);

/// Queues it if usage has reached wmark_high: after writes to limits and the ratio (2.3).
void kick_wmark(Engine::State& state, Memcg& memcg);

/// Recomputes both levels from the group's own limit and high (2.1).
void recompute_wmark(Engine::State& state, Memcg& memcg);

}  // namespace memcgfs::engine
