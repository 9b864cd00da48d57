// SPDX-License-Identifier: MIT
#include "engine/pages.h"

#include <algorithm>
#include <bit>

#include "engine/page_state.h"
#include "engine/swap_space.h"
#include "engine/torn_page.h"
#include "engine/zswap.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

using Where = PageState::Where;

/// The slots of `pages` of `owner` are free again.
void release_slots(Engine::State& state, std::uint8_t device, Memcg& owner, Pages pages) {
    give_slots(state, device, pages);
    owner.add_stat(StatItem::kSwap, -as_delta(pages));
    if (owner.is_root()) {
        return;
    }
    if (state.memory_on_v1()) {
        owner.memsw.uncharge(pages);
    } else {
        owner.swap.uncharge(pages);
    }
}

/// The pages of a swapped extent are read, from wherever they are.
void count_read(Engine::State& state, const Extent& extent, Memcg& memcg) {
    const Pages pages{extent.count};
    if (swaps_zero_pages(state)) {
        memcg.add_stat(StatItem::kSwpinZero, as_delta(pages));
        state.count(VmEvent::kSwpinZero, pages.count());
    } else if (extent.zswap_owner != nullptr) {
        count_zswpin(state, *extent.zswap_owner, pages);
    } else {
        state.count(VmEvent::kPswpin, pages.count());
    }
}

}  // namespace

void drop_from_memory(Engine::State& state, Extent& extent) {
    Zone& zone = state.nodes[extent.state.node].zone(extent.state.zone);
    zone.free += Pages{extent.count};
    state.count(VmEvent::kPgfree, extent.count);
    extent.mapping->resident -= Pages{extent.count};
    count_pages(*extent.memcg, *extent.mapping, extent.state,
                -static_cast<std::int64_t>(extent.count));
}

Memcg& online_memcg(Memcg& memcg) {
    Memcg* level = &memcg;
    while (!level->online) {
        level = level->parent();
    }
    return *level;
}

void add_resident(Engine::State& state, Mapping& mapping, Engine::Range range, Memcg& memcg,
                  const PageState& page_state, SwapOwners owners) {
    if (!mapping.shadows.empty()) {
        mapping.shadows.erase(range.first, range.count);
    }
    Zone& zone = state.nodes[page_state.node].zone(page_state.zone);
    MEMCGFS_ASSERT(zone.reserved >= Pages{range.count});  // from alloc_pages
    zone.reserved -= Pages{range.count};
    mapping.resident += Pages{range.count};
    count_pages(memcg, mapping, page_state, static_cast<std::int64_t>(range.count));
    if (owners.slot == nullptr && owners.zswap == nullptr &&
        state.lru_extend_head(mapping, range, memcg, page_state)) {
        return;
    }
    Extent& extent = mapping.insert(range.first, range.count, &memcg, page_state);
    extent.slot_owner = owners.slot;
    extent.zswap_owner = owners.zswap;
    state.lru_add(extent);
}

void move_pages(Engine::State& state, Extent& extent, PagePlace place) {
    const auto pages = static_cast<std::int64_t>(extent.count);
    state.lru_remove(extent);
    drop_from_memory(state, extent);
    extent.state.node = place.node;
    extent.state.zone = place.zone;
    state.nodes[place.node].zone(place.zone).reserved -= Pages{extent.count};
    extent.mapping->resident += Pages{extent.count};
    count_pages(*extent.memcg, *extent.mapping, extent.state, pages);
    state.lru_add(extent);
}

void move_resident(Engine::State& state, Extent& extent, Memcg& to) {
    Memcg& from = *extent.memcg;
    const auto pages = static_cast<std::int64_t>(extent.count);
    state.lru_remove(extent);
    count_pages(from, *extent.mapping, extent.state, -pages);
    const auto folios = static_cast<std::int64_t>(extent.folios());
    from.add_stat(StatItem::kPgpgout, folios);
    extent.memcg = &to;
    to.add_stat(StatItem::kPgpgin, folios);
    count_pages(to, *extent.mapping, extent.state, pages);
    state.lru_add(extent);
}

void move_swapped(Extent& extent, Memcg& to) {
    const Pages pages{extent.count};
    extent.memcg->add_stat(StatItem::kSwap, -as_delta(pages));
    to.add_stat(StatItem::kSwap, as_delta(pages));
    extent.memcg = &to;
    extent.mapping->merge_swapped(extent);
}

void spend_unmap(const Engine::State& state, OpContext& op, const Extent& extent) {
    const int tables = std::popcount(static_cast<unsigned>(extent.state.mapped));
    op.spend(state.machine().costs.reclaim_unmap * tables *
             static_cast<std::int64_t>(extent.count));
}

void free_swap_slots(Engine::State& state, Extent& extent) {
    MEMCGFS_ASSERT(extent.state.where == Where::kResident && extent.state.swap_slot);
    const Pages pages{extent.count};
    zswap_forget(state, extent);
    extent.state.swap_slot = false;
    extent.state.dirty = false;
    extent.memcg->add_node_stat(extent.state.node, StatItem::kSwapCached, -as_delta(pages));
    // In v1 the slot stopped counting when the page came back (mem_cgroup_swapin_uncharge_swap).
    if (state.memory_on_v1()) {
        give_slots(state, extent.state.device, pages);
    } else {
        release_slots(state, extent.state.device, *extent.slot_owner, pages);
    }
    extent.state.device = 0;
    extent.slot_owner = nullptr;
}

void free_extent(Engine::State& state, Extent& extent) {
    if (extent.state.where == Where::kResident) {
        state.lru_remove(extent);
        free_isolated(state, extent);
        return;
    }
    if (extent.state.where == Where::kPart) {
        free_part(state, extent);
        return;
    }
    Mapping& mapping = *extent.mapping;
    zswap_forget(state, extent);
    mapping.swapped -= Pages{extent.count};
    mapping.shadows.erase(extent.first, extent.count);
    release_slots(state, extent.state.device, *extent.memcg, Pages{extent.count});
    mapping.erase(extent);
}

void free_isolated(Engine::State& state, Extent& extent) {
    Memcg& memcg = *extent.memcg;
    const Pages pages{extent.count};
    const std::uint64_t folios = extent.folios();
    if (extent.state.swap_slot) {
        free_swap_slots(state, extent);
    }
    drop_from_memory(state, extent);
    extent.mapping->erase(extent);
    state.uncharge_memory(memcg, pages, folios);
}

void free_all_pages(Engine::State& state, Mapping& mapping) {
    while (Extent* extent = mapping.next(0)) {
        free_extent(state, *extent);
    }
    mapping.shadows.clear();
}

Pages reachable_swap(const Engine::State& state, const Memcg& memcg) {
    Pages reachable = state.swap_free();
    if (!state.memory_on_v1()) {
        for (const Memcg* level = &memcg; !level->is_root(); level = level->parent()) {
            reachable = std::min(reachable, level->swap.margin());
        }
    }
    return reachable;
}

bool swap_full(const Engine::State& state, const Memcg& memcg) {
    if (state.swap_free() * 2 < state.swap_total()) {
        return true;
    }
    if (state.memory_on_v1()) {
        return false;
    }
    for (const Memcg* level = &memcg; !level->is_root(); level = level->parent()) {
        const Pages twice = level->swap.usage() * 2;
        if (twice >= level->swap.high() || twice >= level->swap.max()) {
            return true;
        }
    }
    return false;
}

void swap_in(Engine::State& state, Extent& extent, std::uint64_t count, Memcg& memcg,
             PageState page_state) {
    Mapping& mapping = *extent.mapping;
    Memcg& owner = *extent.memcg;
    const std::uint64_t first = extent.first;
    const Pages pages{count};
    if (count < extent.count) {
        mapping.split(extent, first + count);
    }
    const std::uint8_t device = extent.state.device;
    const bool keep = page_state.swap_slot;
    page_state.device = keep ? device : std::uint8_t{0};
    count_read(state, extent, memcg);
    if (extent.zswap_owner != nullptr && (!keep || state.profile().zswap_load_frees)) {
        zswap_forget(state, extent);
        page_state.dirty = keep;  // its slot has never had it
    }
    const SwapOwners owners{keep && !state.memory_on_v1() ? &owner : nullptr, extent.zswap_owner};
    mapping.erase(extent);
    mapping.swapped -= pages;
    if (state.memory_on_v1()) {
        owner.add_stat(StatItem::kSwap, -as_delta(pages));
        if (!owner.is_root()) {
            owner.memsw.uncharge(pages);
        }
        if (!keep) {
            give_slots(state, device, pages);
        }
    } else if (!keep) {
        release_slots(state, device, owner, pages);
    }
    state.trace(TraceEvent::Kind::kSwapIn, memcg, count);
    add_resident(state, mapping, {first, count}, memcg, page_state, owners);
}

}  // namespace memcgfs::engine
