// SPDX-License-Identifier: MIT
//
// Reclaim on behalf of one group (mm/vmscan.c, 6.1 and 6.12; spec engine.md 3).
#pragma once

#include <optional>

#include "engine/operation.h"
#include "engine/page_alloc.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// SWAP_CLUSTER_MAX: the least a reclaim call asks for, and the most that one step scans.
inline constexpr Pages kSwapClusterMax{32};
inline constexpr unsigned kDefPriority = 12;

struct ReclaimRequest {
    Memcg& root;
    Pages pages{1};
    bool may_swap = true;
    bool proactive = false;  ///< memory.reclaim: not pressure
    /// A kernel thread: counts as kswapd, never overrides memory.low. A group's worker ends below
    /// wmark_low; the machine's is kswapd.
    bool background = false;
    bool global = false;  ///< for want of free pages, not at a limit; `root` is the root
    NodePreference nodes{};
    std::optional<std::uint64_t> swappiness{};
};

/// One reclaim call. Returns the pages freed, 0 if there was nothing to free at any priority.
Coro<Pages> try_to_free_mem_cgroup_pages(Engine::State& state, OpContext& op,
                                         ReclaimRequest request);

/// Direct reclaim of a task that found no free page. Returns the pages freed.
Coro<Pages> try_to_free_pages(Engine::State& state, OpContext& op, NodePreference nodes);

/// A task has waited so long for reclaim on behalf of `memcg` (Alibaba's latency files).
void note_direct_reclaim(Memcg& memcg, Nanos length);

/// One call under way: what struct scan_control is.
struct ScanControl {
    explicit ScanControl(const ReclaimRequest& reclaim_request) : request(reclaim_request) {}
    ReclaimRequest request;
    Pages target{};
    unsigned priority = kDefPriority;
    NodeId node = 0;  ///< whose lists are being scanned
    Pages freed{};
    Pages scanned{};
    Pages written{};  ///< to swap
    bool may_deactivate_anon = false;
    bool may_deactivate_file = false;
    bool force_deactivate = false;
    bool skipped_deactivate = false;
    bool override_low = false;
    bool passed_low = false;
    bool whole_tree = false;
    bool trim_only = false;          ///< cache_trim_mode
    bool no_trim = false;            ///< no_cache_trim_mode
    bool file_scarce = false;        ///< file_is_tiny
    bool trim_failed = false;        ///< nothing was freed because of trim_only
    bool ignore_references = false;  ///< MADV_PAGEOUT: used or not
    Pages dirty{};                   ///< seen in this pass: dirty or being written
    Pages congested{};               ///< of those: met a second time while being written
};

/// One visit of control.node, at control.priority: the walk over the subtree.
Coro<void> shrink_node(Engine::State& state, OpContext& op, ScanControl& control);
/// One group's lists on control.node, at control.priority.
Coro<Pages> shrink_lruvec(Engine::State& state, OpContext& op, ScanControl& control, Memcg& memcg);
/// Scans at most `pages` (<= kSwapClusterMax) of one list; returns what was freed.
Pages shrink_list(Engine::State& state, OpContext& op, ScanControl& control, Memcg& memcg,
                  LruList list, Pages pages);
/// Reclaims one extent of a task's own pages, used or not (MADV_PAGEOUT); returns what was freed.
Pages reclaim_extent(Engine::State& state, OpContext& op, Extent& extent);
/// Ages the active list whatever the permissions (the end of shrink_lruvec).
void shrink_active_list(Engine::State& state, OpContext& op, const ScanControl& control,
                        Memcg& memcg, LruList list, Pages pages);
/// inactive_is_low() over the group's subtree on one node, for anon or file.
bool inactive_is_low(const Engine::State& state, const Memcg& memcg, NodeId node, LruList inactive);

}  // namespace memcgfs::engine
