// SPDX-License-Identifier: MIT
//
// What reclaim knows of the sizes of lists: the statistics of groups as of their last flush
// (cgroup rstat; mm/memcontrol.c and mm/vmscan.c, 6.1 and 6.12; spec engine.md 10.2).
//
// A group's statistics are current here; what they were at the last flush is kept from the first
// change after it, so that a flush forgets instead of adding up.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// lruvec_page_state: one of kFlushedItems, here and below, as reclaim sees it.
std::int64_t lruvec_page_state(const Engine::State& state, const Memcg& memcg, NodeId node,
                               StatItem item);

/// To be called before any of kFlushedItems changes: keeps what it was, here and above.
inline void keep_flushed(const Engine::State& state, Memcg& memcg) {
    // A group whose statistics are kept has no ancestor whose are not.
    for (Memcg* level = &memcg; level != nullptr && level->flushed_in != state.stat_epoch;
         level = level->parent()) {
        level->keep_flushed(state.stat_epoch);
    }
}

/// Somebody reads all statistics of the group (mem_cgroup_flush_stats).
void flush_stats(Engine::State& state, Memcg& memcg);

/// The same for the group and below, as cpu.stat does whatever the version (cgroup_rstat_flush).
void flush_subtree(Engine::State& state, Memcg& memcg);

/// Reclaim comes to a node (prepare_scan_control).
void flush_for_reclaim(Engine::State& state);

/// Every two seconds (flush_memcg_stats_dwork). Time passes only where something happens: the
/// first step after the two seconds does it.
void flush_if_due(Engine::State& state, Nanos now);

}  // namespace memcgfs::engine
