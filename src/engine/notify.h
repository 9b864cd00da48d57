// SPDX-License-Identifier: MIT
//
// Telling v1's listeners: usage thresholds and out-of-memory (mm/memcontrol.c, 6.1; spec 8.1,
// 8.2, 6.6).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// What usage_in_bytes and memsw.usage_in_bytes show; the root's is made from the statistics
/// (mem_cgroup_usage).
Pages memcg_usage(const Memcg& memcg, bool memsw);

/// Faults charge pages one by one; freed pages are uncharged together.
enum class PageBatch : std::uint8_t { kOneByOne, kTogether };

/// Pages have been charged to `memcg` or uncharged on this CPU. Every 129 of them the thresholds
/// of the group and its ancestors are looked at, every 1025 soft limits are (memcg_check_events).
void memcg_check_events(Engine::State& state, Memcg& memcg, Pages pages, PageBatch batch);

/// The group goes: every registration ends, with a last tick a moment later.
void detach_events(Engine::State& state, Memcg& memcg);

/// A tick for each OOM registration of this very group (mem_cgroup_oom_notify_cb).
void tick_oom_events(Engine::State& state, const Memcg& memcg);

}  // namespace memcgfs::engine
