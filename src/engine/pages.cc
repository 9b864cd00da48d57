// SPDX-License-Identifier: MIT
#include "engine/pages.h"

#include <algorithm>

#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

using Where = PageState::Where;

void count_resident(Memcg& memcg, Mapping& mapping, const PageState& page_state,
                    std::int64_t pages) {
    mapping.resident += Pages{static_cast<std::uint64_t>(pages)};
    switch (mapping.kind()) {
        case PageKind::kAnon:
            memcg.add_node_stat(page_state.node, StatItem::kAnon, pages);
            break;
        case PageKind::kShmem:
            memcg.add_node_stat(page_state.node, StatItem::kShmem, pages);
            memcg.add_node_stat(page_state.node, StatItem::kFile, pages);
            break;
        case PageKind::kFile:
            memcg.add_node_stat(page_state.node, StatItem::kFile, pages);
            break;
    }
    if (page_state.mapped && mapping.kind() != PageKind::kAnon) {
        memcg.add_node_stat(page_state.node, StatItem::kFileMapped, pages);
    }
    if (page_state.swap_slot) {
        memcg.add_node_stat(page_state.node, StatItem::kSwapCached, pages);
    }
}

/// The slots of `pages` of `owner` are free again.
void release_slots(Engine::State& state, Memcg& owner, Pages pages) {
    state.swap_used -= pages;
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

void drop_from_memory(Engine::State& state, Extent& extent) {
    Zone& zone = state.nodes[extent.state.node].zone(extent.state.zone);
    zone.free += Pages{extent.count};
    state.count(VmEvent::kPgfree, extent.count);
    count_resident(*extent.memcg, *extent.mapping, extent.state,
                   -static_cast<std::int64_t>(extent.count));
}

}  // namespace

Memcg& online_memcg(Memcg& memcg) {
    Memcg* level = &memcg;
    while (!level->online) {
        level = level->parent();
    }
    return *level;
}

void add_resident(Engine::State& state, Mapping& mapping, Engine::Range range, Memcg& memcg,
                  const PageState& page_state) {
    if (!mapping.shadows.empty()) {
        mapping.shadows.erase(range.first, range.count);
    }
    Zone& zone = state.nodes[page_state.node].zone(page_state.zone);
    MEMCGFS_ASSERT(zone.reserved >= Pages{range.count});  // from alloc_pages
    zone.reserved -= Pages{range.count};
    count_resident(memcg, mapping, page_state, static_cast<std::int64_t>(range.count));
    if (!state.lru_extend_head(mapping, range, memcg, page_state)) {
        state.lru_add(mapping.insert(range.first, range.count, &memcg, page_state));
    }
}

void move_pages(Engine::State& state, Extent& extent, PagePlace place) {
    const auto pages = static_cast<std::int64_t>(extent.count);
    state.lru_remove(extent);
    drop_from_memory(state, extent);
    extent.state.node = place.node;
    extent.state.zone = place.zone;
    state.nodes[place.node].zone(place.zone).reserved -= Pages{extent.count};
    count_resident(*extent.memcg, *extent.mapping, extent.state, pages);
    state.lru_add(extent);
}

void move_resident(Engine::State& state, Extent& extent, Memcg& to) {
    Memcg& from = *extent.memcg;
    const auto pages = static_cast<std::int64_t>(extent.count);
    state.lru_remove(extent);
    count_resident(from, *extent.mapping, extent.state, -pages);
    from.add_stat(StatItem::kPgpgout, pages);
    extent.memcg = &to;
    to.add_stat(StatItem::kPgpgin, pages);
    count_resident(to, *extent.mapping, extent.state, pages);
    state.lru_add(extent);
}

void move_swapped(Extent& extent, Memcg& to) {
    const Pages pages{extent.count};
    extent.memcg->add_stat(StatItem::kSwap, -as_delta(pages));
    to.add_stat(StatItem::kSwap, as_delta(pages));
    extent.memcg = &to;
    extent.mapping->merge_swapped(extent);
}

void free_swap_slots(Engine::State& state, Extent& extent) {
    MEMCGFS_ASSERT(extent.state.where == Where::kResident && extent.state.swap_slot);
    const Pages pages{extent.count};
    extent.state.swap_slot = false;
    extent.memcg->add_node_stat(extent.state.node, StatItem::kSwapCached, -as_delta(pages));
    // In v1 the slot stopped counting when the page came back (mem_cgroup_swapin_uncharge_swap).
    if (state.memory_on_v1()) {
        state.swap_used -= pages;
    } else {
        release_slots(state, *extent.memcg, pages);  // kept only by the owner's own pages
    }
}

void free_extent(Engine::State& state, Extent& extent) {
    if (extent.state.where == Where::kResident) {
        state.lru_remove(extent);
        free_isolated(state, extent);
        return;
    }
    Mapping& mapping = *extent.mapping;
    mapping.swapped -= Pages{extent.count};
    mapping.shadows.erase(extent.first, extent.count);
    release_slots(state, *extent.memcg, Pages{extent.count});
    mapping.erase(extent);
}

void free_isolated(Engine::State& state, Extent& extent) {
    Memcg& memcg = *extent.memcg;
    const Pages pages{extent.count};
    if (extent.state.swap_slot) {
        free_swap_slots(state, extent);
    }
    drop_from_memory(state, extent);
    extent.mapping->erase(extent);
    state.uncharge_memory(memcg, pages);
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
    if (state.swap_free() * 2 < state.machine().swap) {
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

namespace {

/// Counts the pages that get no slot, one by one as the kernel does.
void refuse_slots(Engine::State& state, Memcg& owner, Pages refused, bool by_limit) {
    for (std::uint64_t page = 0; page < refused.count(); page++) {
        if (by_limit) {
            state.event(owner, MemcgEvent::kSwapMax);
        }
        state.event(owner, MemcgEvent::kSwapFail);
    }
}

/// Memory's charge ends; in v1 the slot takes the page's place in memory + swap.
void uncharge_swapped(Engine::State& state, Memcg& memcg, Memcg& owner, Pages pages) {
    if (!state.memory_on_v1() || &owner != &memcg) {
        state.uncharge_memory(memcg, pages);
        if (state.memory_on_v1() && !owner.is_root()) {
            owner.memsw.charge(pages);
        }
        return;
    }
    state.uncharge_memory_keeping_memsw(memcg, pages);
}

}  // namespace

SwapOutcome swap_out(Engine::State& state, OpContext& op, Extent& extent) {
    Mapping& mapping = *extent.mapping;
    Memcg& memcg = *extent.memcg;
    const bool has_slots = extent.state.swap_slot;
    // v2 records a slot's owner when it is allocated, v1 when the page leaves memory.
    const bool recorded = has_slots && !state.memory_on_v1();
    Memcg& owner = recorded ? memcg : online_memcg(memcg);
    const std::uint64_t first = extent.first;
    const Pages wanted{extent.count};
    const bool device_full = !has_slots && state.fault(FaultSite::kSwapFull);
    const Pages reachable = device_full ? Pages{0} : reachable_swap(state, owner);
    const Pages written = has_slots ? wanted : std::min(wanted, reachable);
    const Pages refused = wanted - written;
    refuse_slots(state, owner, refused, !device_full && state.swap_free() > written);
    if (written == Pages{0}) {
        return {written, &extent};
    }
    // The oldest pages get the slots.
    Extent* rest =
        refused > Pages{0} ? &mapping.split_isolated(extent, first + written.count()) : nullptr;
    drop_from_memory(state, extent);
    mapping.erase(extent);
    mapping.swapped += written;
    if (!has_slots) {
        state.swap_used += written;
        state.count(VmEvent::kPswpout, written.count());
        op.spend(state.transfer_cost(state.machine().costs.swap_out, written));
    }
    // v2 counts the slot from its allocation, v1 for as long as the page is out.
    if (!has_slots || state.memory_on_v1()) {
        owner.add_stat(StatItem::kSwap, as_delta(written));
    }
    if (!has_slots && !state.memory_on_v1() && !owner.is_root()) {
        owner.swap.charge(written);
    }
    state.trace(TraceEvent::Kind::kSwapOut, memcg, written.count());
    Extent& slots = mapping.insert(first, written.count(), &owner, {.where = Where::kSwapped});
    mapping.merge_swapped(slots);
    uncharge_swapped(state, memcg, owner, written);
    return {written, rest};
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
    const bool keep = page_state.swap_slot && &owner == &memcg;
    page_state.swap_slot = keep;
    mapping.erase(extent);
    mapping.swapped -= pages;
    if (state.memory_on_v1()) {
        owner.add_stat(StatItem::kSwap, -as_delta(pages));
        if (!owner.is_root()) {
            owner.memsw.uncharge(pages);
        }
        if (!keep) {
            state.swap_used -= pages;
        }
    } else if (!keep) {
        release_slots(state, owner, pages);
    }
    state.count(VmEvent::kPswpin, count);
    state.trace(TraceEvent::Kind::kSwapIn, memcg, count);
    add_resident(state, mapping, {first, count}, memcg, page_state);
}

}  // namespace memcgfs::engine
