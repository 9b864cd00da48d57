// SPDX-License-Identifier: MIT
//
// Free pages of the zones: taking them, and what is done when there are few (mm/page_alloc.c, 6.1;
// spec engine.md 4.3). Every page that becomes resident has been allocated here first, a root
// task's too.
#pragma once

#include <optional>

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Pages that an operation has allocated and not yet used; what is left at its end is free again.
class PageReservation {
public:
    PageReservation(Engine::State& state, PagePlace place, Pages pages);
    ~PageReservation();
    PageReservation(PageReservation&& other) noexcept;
    PageReservation(const PageReservation&) = delete;
    PageReservation& operator=(const PageReservation&) = delete;
    PageReservation& operator=(PageReservation&&) = delete;

    PagePlace place() const { return place_; }
    Pages pages() const { return pages_; }
    /// The next add_resident uses `pages` of them.
    void use(Pages pages);

private:
    Engine::State* state_;
    PagePlace place_;
    Pages pages_;
};

/// Nodes that an allocation may use, from the first on in order of distance.
struct NodePreference {
    NodeId first = 0;
    NodeMask allowed = ~NodeMask{0};
};

/// Allocates from 1 to `wanted` pages of one zone: wakes kswapd, reclaims, kills. ENOMEM: the task
/// is dying, or nobody is left to kill.
Coro<Result<PageReservation>> alloc_pages(Engine::State& state, OpContext& op, Pages wanted,
                                          NodePreference nodes);

/// Pages that nobody need be woken for: above the low mark of a zone; nullopt: there are none.
std::optional<PageReservation> alloc_above_low(Engine::State& state, Pages wanted,
                                               NodePreference nodes);

/// Wherever there is a free page, whatever the marks (PF_MEMALLOC); nullopt: there is none.
std::optional<PageReservation> alloc_ignoring_marks(Engine::State& state, Pages wanted,
                                                    NodePreference nodes);

/// Above the min mark, without waiting: anywhere in `nodes`, or on one node.
std::optional<PageReservation> alloc_above_min(Engine::State& state, Pages wanted,
                                               NodePreference nodes);
std::optional<PageReservation> alloc_on_node(Engine::State& state, Pages wanted, NodeId node);

/// A block for a huge page, where a zone has room for it above its low or at least its min mark;
/// nullopt: none has. Nobody is woken, and fragmentation is not known.
std::optional<PageReservation> alloc_huge(Engine::State& state, NodePreference nodes);

/// Counts where pages come from that `allocations` have taken (zone_statistics).
void count_allocation(Engine::State& state, PagePlace place, NodePreference nodes, Pages pages,
                      std::uint64_t allocations);

/// Node number `distance` of the zonelist that starts at `first`.
NodeId node_at_distance(const Engine::State& state, NodeId first, std::size_t distance);

/// Free pages of the whole machine.
Pages free_pages(const Engine::State& state);

}  // namespace memcgfs::engine
