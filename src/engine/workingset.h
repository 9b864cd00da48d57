// SPDX-License-Identifier: MIT
//
// Which pages come back soon after they went, and what reclaim of a kind costs (mm/workingset.c
// and lru_note_cost, 6.1 and 6.12; spec engine.md 3.3, 3.4).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// What one page of input or output counts in the balance (6.12; SWAP_CLUSTER_MAX).
inline constexpr std::uint64_t kIoCost = 32;

/// Moves the eviction clock of a group's lruvec and its ancestors' (workingset_age_nonresident).
void age_nonresident(Memcg& memcg, NodeId node, Pages pages);

/// Leaves shadows where the pages of `range` were, which reclaim for `evictor` takes away
/// (workingset_eviction). The pages are those that `page_state` describes.
void leave_shadows(Mapping& mapping, Engine::Range range, Memcg& evictor,
                   const PageState& page_state);

/// Pages that are alike in how they come back.
struct RefaultPart {
    std::uint64_t count = 0;
    bool active = false;      ///< they start on the active list
    bool workingset = false;  ///< they were there before
};

/// What the working set decides about new pages: their list and mark.
void apply_refault(const RefaultPart& part, PageState& page_state);

/// The pages from range.first on, charged to `owner`, come back: counts their shadows and takes
/// them away (workingset_refault). At most range.count pages, at least one.
RefaultPart refault(Engine::State& state, Mapping& mapping, Engine::Range range, Memcg& owner,
                    NodeId node);

/// lru_note_cost: `cost` for the balance between anon and file, here and in all ancestors.
void note_cost(const Engine::State& state, Memcg& memcg, NodeId node, bool file,
               std::uint64_t cost);

/// What prepare_scan_count and snapshot_refaults do with a lruvec's workingset activations:
/// whether there have been any of this kind since the last snapshot.
bool workingset_changes(const Engine::State& state, const Memcg& memcg, NodeId node, bool file);
void snapshot_workingset(const Engine::State& state, Memcg& memcg, NodeId node);

}  // namespace memcgfs::engine
