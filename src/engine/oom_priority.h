// SPDX-License-Identifier: MIT
//
// Alibaba's memory.use_priority_oom: the OOM killer goes by the groups' memory.priority (4.19 and
// 5.10; spec alibaba-wmark.md 6.3).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// The group, `domain` or below, that gives the victim: from `domain` on always the child of the
/// lowest priority, of equals the one that uses more. Children without anybody to kill are passed
/// over, so a group's own processes come last. `domain` itself where it does not go by priority.
const Memcg& oom_priority_domain(const Engine::State& state, const Memcg& domain);

}  // namespace memcgfs::engine
