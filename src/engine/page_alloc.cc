// SPDX-License-Identifier: MIT
#include "engine/page_alloc.h"

#include <algorithm>
#include <utility>

#include "engine/kswapd.h"
#include "engine/oom.h"
#include "engine/psi.h"
#include "engine/reclaim.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr unsigned kMaxReclaimRetries = 16;
/// Between the low and the min mark: how many pages one go takes before kswapd gets a turn.
constexpr Pages kSlowBatch{32};

Zone& zone_of(Engine::State& state, PagePlace place) {
    return state.nodes[place.node].zone(place.zone);
}

bool allowed(NodePreference nodes, NodeId node) { return (nodes.allowed >> node & 1U) != 0; }

void count_numa(Engine::State& state, NodeId node, VmEvent event, std::uint64_t count) {
    state.count(event, count);
    constexpr auto kFirst = static_cast<std::size_t>(VmEvent::kNumaHit);
    state.nodes[node].numa[static_cast<std::size_t>(event) - kFirst] += count;
}

/// Takes free pages of a zone.
std::optional<PageReservation> allocate(Engine::State& state, PagePlace place, NodePreference nodes,
                                        Pages pages, std::uint64_t allocations) {
    count_allocation(state, place, nodes, pages, allocations);
    return std::optional<PageReservation>(std::in_place, state, place, pages);
}

/// get_page_from_freelist: the first zone of the zonelist with something above its mark. A
/// victim of the OOM killer may go halfway below.
std::optional<PageReservation> take_above(Engine::State& state, Pages wanted, NodePreference nodes,
                                          Pages ZoneMarks::* mark, unsigned shift = 0) {
    for (std::size_t distance = 0; distance < state.nodes.size(); distance++) {
        const NodeId node = node_at_distance(state, nodes.first, distance);
        if (!allowed(nodes, node)) {
            continue;
        }
        for (std::size_t type = kZoneTypeCount; type-- > 0;) {
            const Zone& zone = state.nodes[node].zones[type];
            const Pages ready = zone.above((zone.marks.*mark) >> shift);
            if (ready > Pages{0}) {
                const Pages taken = std::min(ready, wanted);
                return allocate(state, {node, static_cast<ZoneType>(type)}, nodes, taken,
                                taken.count());
            }
        }
    }
    return std::nullopt;
}

/// True if reclaiming everything that can be reclaimed would lift some zone above its min mark.
bool reclaim_could_help(const Engine::State& state, NodePreference nodes) {
    const bool swap = state.swap_free() > Pages{0};
    for (std::size_t node = 0; node < state.nodes.size(); node++) {
        if (!allowed(nodes, static_cast<NodeId>(node))) {
            continue;
        }
        for (const Zone& zone : state.nodes[node].zones) {
            Zone all = zone;
            all.free += zone.list(LruList::kInactiveFile) + zone.list(LruList::kActiveFile);
            if (swap) {
                all.free += zone.list(LruList::kInactiveAnon) + zone.list(LruList::kActiveAnon);
            }
            if (all.above(all.marks.min) > Pages{0}) {
                return true;
            }
        }
    }
    return false;
}

bool is_dying(const Engine::State& state, const OpContext& op) {
    const Task* task = state.tasks.find(op.task);
    return task != nullptr && task->dying;
}

}  // namespace

PageReservation::PageReservation(Engine::State& state, PagePlace place, Pages pages)
    : state_(&state), place_(place), pages_(pages) {
    Zone& zone = zone_of(state, place);
    MEMCGFS_ASSERT(zone.free >= pages);
    zone.free -= pages;
    zone.reserved += pages;
}

PageReservation::PageReservation(PageReservation&& other) noexcept
    : state_(other.state_), place_(other.place_), pages_(std::exchange(other.pages_, Pages{0})) {}

PageReservation::~PageReservation() {
    if (pages_ == Pages{0}) {
        return;
    }
    Zone& zone = zone_of(*state_, place_);
    zone.reserved -= pages_;
    zone.free += pages_;
}

void PageReservation::use(Pages pages) {
    MEMCGFS_ASSERT(pages_ >= pages);
    pages_ -= pages;
}

void count_allocation(Engine::State& state, PagePlace place, NodePreference nodes, Pages pages,
                      std::uint64_t allocations) {
    const auto type = static_cast<unsigned>(place.zone);
    state.count(static_cast<VmEvent>(static_cast<unsigned>(VmEvent::kPgallocDma) + type),
                pages.count());
    if (place.node == nodes.first) {
        count_numa(state, place.node, VmEvent::kNumaHit, allocations);
        count_numa(state, place.node, VmEvent::kNumaLocal, allocations);
    } else {
        count_numa(state, place.node, VmEvent::kNumaMiss, allocations);
        count_numa(state, nodes.first, VmEvent::kNumaForeign, allocations);
        count_numa(state, place.node, VmEvent::kNumaOther, allocations);
    }
}

NodeId node_at_distance(const Engine::State& state, NodeId first, std::size_t distance) {
    const std::size_t node = first + distance;
    return static_cast<NodeId>(node < state.nodes.size() ? node : node - state.nodes.size());
}

Pages free_pages(const Engine::State& state) {
    Pages sum{};
    for (const Node& node : state.nodes) {
        for (const Zone& zone : node.zones) {
            sum += zone.free;
        }
    }
    return sum;
}

std::optional<PageReservation> alloc_above_low(Engine::State& state, Pages wanted,
                                               NodePreference nodes) {
    return take_above(state, wanted, nodes, &ZoneMarks::low);
}

std::optional<PageReservation> alloc_ignoring_marks(Engine::State& state, Pages wanted,
                                                    NodePreference nodes) {
    for (std::size_t distance = 0; distance < state.nodes.size(); distance++) {
        const NodeId node = node_at_distance(state, nodes.first, distance);
        for (std::size_t type = kZoneTypeCount; type-- > 0;) {
            const Pages ready = std::min(state.nodes[node].zones[type].free, wanted);
            if (ready > Pages{0}) {
                return allocate(state, {node, static_cast<ZoneType>(type)}, nodes, ready,
                                ready.count());
            }
        }
    }
    return std::nullopt;
}

std::optional<PageReservation> alloc_above_min(Engine::State& state, Pages wanted,
                                               NodePreference nodes) {
    return take_above(state, wanted, nodes, &ZoneMarks::min);
}

std::optional<PageReservation> alloc_huge(Engine::State& state, NodePreference nodes) {
    constexpr Pages kHuge{kHugePages};
    for (const auto mark : {&ZoneMarks::low, &ZoneMarks::min}) {
        for (std::size_t distance = 0; distance < state.nodes.size(); distance++) {
            const NodeId node = node_at_distance(state, nodes.first, distance);
            for (std::size_t type = kZoneTypeCount; allowed(nodes, node) && type-- > 0;) {
                const Zone& zone = state.nodes[node].zones[type];
                if (zone.above(zone.marks.*mark) >= kHuge) {
                    return allocate(state, {node, static_cast<ZoneType>(type)}, nodes, kHuge, 1);
                }
            }
        }
    }
    return std::nullopt;
}

std::optional<PageReservation> alloc_on_node(Engine::State& state, Pages wanted, NodeId node) {
    return alloc_above_min(state, wanted, {.first = node, .allowed = NodeMask{1} << node});
}

namespace {

/// One go between waking kswapd and direct reclaim; nullopt: nothing to be had.
std::optional<PageReservation> try_slowly(Engine::State& state, const OpContext& op, Pages wanted,
                                          NodePreference nodes) {
    const Pages some = std::min(wanted, kSlowBatch);
    if (auto pages = take_above(state, some, nodes, &ZoneMarks::min)) {
        return pages;
    }
    if (op.reclaimer) {
        return alloc_ignoring_marks(state, some, nodes);
    }
    return is_dying(state, op) ? take_above(state, Pages{1}, nodes, &ZoneMarks::min, 1)
                               : std::nullopt;
}

/// Reclaim has not helped: kill, unless memory has come free meanwhile (__alloc_pages_may_oom).
bool may_oom(Engine::State& state, OpContext& op) {
    return oom_kill(state, op, {*state.root_memcg, Pages{1}});
}

}  // namespace

Coro<Result<PageReservation>> alloc_pages(Engine::State& state, OpContext& op, Pages wanted,
                                          NodePreference nodes) {
    using Allocated = Result<PageReservation>;
    if (auto pages = alloc_above_low(state, wanted, nodes)) {
        co_return Allocated(std::move(*pages));
    }
    for (unsigned fruitless = 0;;) {
        wake_all_kswapds(state, nodes);
        if (auto pages = try_slowly(state, op, wanted, nodes)) {
            co_return Allocated(std::move(*pages));
        }
        if (is_dying(state, op) || op.reclaimer) {
            co_return Allocated(Err(Errno::kENOMEM));
        }
        state.count(VmEvent::kAllocstallMovable, 1);
        Pages freed{};
        {
            const PsiMemoryStall stall(state, op);
            freed = co_await try_to_free_pages(state, op, nodes);
        }
        if (auto pages = try_slowly(state, op, wanted, nodes)) {
            co_return Allocated(std::move(*pages));
        }
        fruitless = freed > Pages{0} ? 0 : fruitless + 1;
        if (fruitless <= kMaxReclaimRetries && reclaim_could_help(state, nodes)) {
            co_await op.pause_point();
            continue;
        }
        if (auto pages = take_above(state, Pages{1}, nodes, &ZoneMarks::high)) {
            co_return Allocated(std::move(*pages));
        }
        if (!may_oom(state, op)) {
            co_return Allocated(Err(Errno::kENOMEM));
        }
        co_await state.tick(op);
        fruitless = 0;
    }
}

}  // namespace memcgfs::engine
