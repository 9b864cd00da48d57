// SPDX-License-Identifier: MIT
#include "engine/swap_space.h"

#include <algorithm>

#include "engine/huge_page.h"
#include "engine/io_queue.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/workingset.h"
#include "engine/zswap.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

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
void uncharge_swapped(Engine::State& state, Memcg& memcg, Memcg& owner, Pages pages,
                      std::uint64_t folios) {
    if (!state.memory_on_v1() || &owner != &memcg) {
        state.uncharge_memory(memcg, pages, folios);
        if (state.memory_on_v1() && !owner.is_root()) {
            owner.memsw.charge(pages);
        }
        return;
    }
    state.uncharge_memory_keeping_memsw(memcg, pages, folios);
}

/// The pages get slots of one device: from now on they are in the swap cache.
void assign_slots(Engine::State& state, OpContext& op, Extent& extent, Memcg& owner,
                  const SlotGrant& grant) {
    spend_unmap(state, op, extent);
    PageState next = extent.state;
    next.swap_slot = true;
    next.device = grant.device;
    next.detached = true;
    next.mapped = 0;
    next.young = 0;
    change_isolated(extent, next);
    if (state.memory_on_v1()) {
        return;  // v1 records the owner when the page leaves memory
    }
    extent.slot_owner = &owner;
    owner.add_stat(StatItem::kSwap, as_delta(grant.pages));
    if (!owner.is_root()) {
        owner.swap.charge(grant.pages);
    }
}

/// The pages leave memory; their slots hold them.
void evict(Engine::State& state, Extent& extent, Memcg& evictor) {
    Mapping& mapping = *extent.mapping;
    Memcg& memcg = *extent.memcg;
    Memcg& owner = state.memory_on_v1() ? online_memcg(memcg) : *extent.slot_owner;
    const Engine::Range range{extent.first, extent.count};
    const Pages pages{range.count};
    const PageState page_state = extent.state;
    const std::uint64_t folios = extent.folios();
    Memcg* const zswap_owner = extent.zswap_owner;
    drop_from_memory(state, extent);
    mapping.erase(extent);
    mapping.swapped += pages;
    if (state.memory_on_v1()) {
        owner.add_stat(StatItem::kSwap, as_delta(pages));
    }
    state.trace(TraceEvent::Kind::kSwapOut, memcg, pages.count());
    Extent& slots =
        mapping.insert(range.first, range.count, &owner,
                       {.where = PageState::Where::kSwapped, .device = page_state.device});
    slots.zswap_owner = zswap_owner;
    mapping.merge_swapped(slots);
    uncharge_swapped(state, memcg, owner, pages, folios);
    if (state.profile().anon_workingset) {
        leave_shadows(mapping, range, evictor, page_state);
    }
}

/// Pages with slots that need no write, or none any more, go out.
void let_out(Engine::State& state, Extent& extent, Memcg& evictor, SwapOutcome& outcome) {
    outcome.freed += Pages{extent.count};
    evict(state, extent, evictor);
}

/// Writes pages to the device; from a synchronous one they go out at once.
void write_to_device(Engine::State& state, OpContext& op, Extent& extent, Memcg& evictor,
                     SwapOutcome& outcome) {
    const Pages pages{extent.count};
    const std::uint8_t device = extent.state.device;
    const SwapDevice& swap = state.swap_areas[device].device;
    outcome.written += pages;
    state.count(VmEvent::kPswpout, pages.count());
    if (swap.synchronous) {
        op.spend(state.transfer_cost(swap.write, pages));
        let_out(state, extent, evictor, outcome);
        return;
    }
    const bool whole = extent.state.huge;
    PageState next = extent.state;
    next.detached = true;
    next.dirty = false;
    next.writeback = true;
    next.reclaim = true;
    change_isolated(extent, next);
    const WriteRequest request{extent.mapping->id(), {extent.first, extent.count}, {}};
    state.lru_add(extent);
    op.spend(state.machine().costs.swap_submit * as_delta(pages));
    if (op.plugged) {
        plug_swap_write(state, device, request, time_of(op));
        return;
    }
    submit_write(state, state.io_queues[1 + std::size_t{device}], request, time_of(op), swap.write,
                 whole ? kHugePages : kWriteChunk);
}

/// Pages that neither the pool nor, by memory.zswap.writeback, the device takes are as if they
/// had been written to: they wait in the swap cache.
void keep_dirty(Extent& extent, SwapOutcome& outcome) {
    PageState next = extent.state;
    next.detached = true;
    next.dirty = true;
    change_isolated(extent, next);
    outcome.kept.push_back(&extent);
}

/// What becomes of pages side by side that zswap has refused.
void end_refused(Engine::State& state, OpContext& op, Extent* refused, Memcg& evictor,
                 SwapOutcome& outcome) {
    if (refused == nullptr) {
        return;
    }
    if (zswap_writeback_allowed(state, *refused->memcg)) {
        write_to_device(state, op, *refused, evictor, outcome);
    } else {
        keep_dirty(*refused, outcome);
    }
}

/// swap_writepage: to the bitmap of zero pages, to zswap, or to the device.
void write_out(Engine::State& state, OpContext& op, Extent& extent, Memcg& evictor,
               SwapOutcome& outcome) {
    Memcg& owner = online_memcg(*extent.memcg);
    zswap_forget(state, extent);
    if (swaps_zero_pages(state)) {
        owner.add_stat(StatItem::kSwpoutZero, static_cast<std::int64_t>(extent.count));
        state.count(VmEvent::kSwpoutZero, extent.count);
        let_out(state, extent, evictor, outcome);
        return;
    }
    if (!state.machine().zswap.enabled) {
        write_to_device(state, op, extent, evictor, outcome);
        return;
    }
    if (extent.state.huge) {
        end_refused(state, op, &extent, evictor, outcome);  // zswap does not take large folios
        return;
    }
    // Page by page: one that is stored may have to make room for the next but one.
    Mapping& mapping = *extent.mapping;
    Extent* refused = nullptr;
    for (Extent* left = &extent; left != nullptr;) {
        Extent& page = *left;
        left = page.count > 1 ? &mapping.split_isolated(page, page.first + 1) : nullptr;
        if (zswap_store(state, op, page, owner)) {
            let_out(state, page, evictor, outcome);
        } else if (refused != nullptr && refused->end() == page.first) {
            refused->count++;
            mapping.erase(page);
        } else {
            end_refused(state, op, refused, evictor, outcome);
            refused = &page;
        }
    }
    end_refused(state, op, refused, evictor, outcome);
}

}  // namespace

Pages Engine::State::swap_total() const {
    Pages sum{};
    for (const SwapArea& area : swap_areas) {
        sum += area.on ? area.device.pages : Pages{0};
    }
    return sum;
}

Pages Engine::State::swap_free() const {
    Pages sum{};
    for (const SwapArea& area : swap_areas) {
        sum += area.on ? area.device.pages - area.used : Pages{0};
    }
    return sum;
}

namespace {

/// The device whose turn it is, of those that are on and have `least` free slots; the number of
/// devices if there is none. Rotating ones keep no clusters of slots.
std::size_t choose_area(const Engine::State& state, Pages least, bool cluster) {
    const std::size_t count = state.swap_areas.size();
    std::size_t best = count;
    for (std::size_t turn = 0; turn < count; turn++) {
        const std::size_t index = (state.next_swap_area + turn) % count;
        const Engine::State::SwapArea& area = state.swap_areas[index];
        const bool usable = area.on && area.device.pages - area.used >= least &&
                            !(cluster && area.device.rotational);
        if (usable &&
            (best == count || area.device.priority > state.swap_areas[best].device.priority)) {
            best = index;
        }
    }
    return best;
}

SlotGrant take_from(Engine::State& state, std::size_t index, Pages wanted) {
    Engine::State::SwapArea& area = state.swap_areas[index];
    const Pages granted = std::min(wanted, area.device.pages - area.used);
    area.used += granted;
    state.swap_used += granted;
    state.next_swap_area = index + 1;
    return {static_cast<std::uint8_t>(index), granted};
}

}  // namespace

SlotGrant take_slots(Engine::State& state, Pages wanted) {
    const std::size_t index = choose_area(state, Pages{1}, false);
    MEMCGFS_ASSERT(index < state.swap_areas.size());
    return take_from(state, index, wanted);
}

std::optional<SlotGrant> take_slot_cluster(Engine::State& state, Pages wanted) {
    const std::size_t index = choose_area(state, wanted, true);
    if (index == state.swap_areas.size()) {
        return std::nullopt;
    }
    return take_from(state, index, wanted);
}

void give_slots(Engine::State& state, std::uint8_t device, Pages pages) {
    state.swap_areas[device].used -= pages;
    state.swap_used -= pages;
}

SwapOutcome swap_out(Engine::State& state, OpContext& op, Extent& extent, Memcg& evictor) {
    SwapOutcome outcome;
    if (extent.state.swap_slot) {
        if (extent.state.dirty) {
            write_out(state, op, extent, evictor, outcome);
        } else {
            let_out(state, extent, evictor, outcome);
        }
        return outcome;
    }
    Mapping& mapping = *extent.mapping;
    Memcg& owner = online_memcg(*extent.memcg);
    if (extent.state.huge) {
        if (const std::optional<SlotGrant> grant = take_huge_slots(state, owner)) {
            extent.memcg->add_stat(StatItem::kThpSwpout, 1);
            state.count(VmEvent::kThpSplitPmd, 1);
            assign_slots(state, op, extent, owner, *grant);
            write_out(state, op, extent, evictor, outcome);
            return outcome;
        }
        extent.memcg->add_stat(StatItem::kThpSwpoutFallback, 1);
        split_isolated_huge(state, extent);
    }
    const Pages wanted{extent.count};
    const bool device_full = state.fault(FaultSite::kSwapFull);
    const Pages allowed = device_full ? Pages{0} : std::min(wanted, reachable_swap(state, owner));
    refuse_slots(state, owner, wanted - allowed, !device_full && state.swap_free() > allowed);
    if (allowed == Pages{0}) {
        outcome.kept.push_back(&extent);
        return outcome;
    }
    if (allowed < wanted) {
        // The oldest pages get the slots.
        outcome.kept.push_back(&mapping.split_isolated(extent, extent.first + allowed.count()));
    }
    for (Extent* left = &extent; left != nullptr;) {
        const SlotGrant grant = take_slots(state, Pages{left->count});
        Extent* next = grant.pages < Pages{left->count}
                           ? &mapping.split_isolated(*left, left->first + grant.pages.count())
                           : nullptr;
        assign_slots(state, op, *left, owner, grant);
        write_out(state, op, *left, evictor, outcome);
        left = next;
    }
    return outcome;
}

void spend_swap_read(Engine::State& state, OpContext& op, const Extent& extent, Pages pages) {
    if (swaps_zero_pages(state)) {
        return;
    }
    if (extent.zswap_owner != nullptr) {
        op.spend(state.machine().zswap.load * as_delta(pages));
        return;
    }
    const std::uint8_t device = extent.state.device;
    const SwapDevice& swap = state.swap_areas[device].device;
    const Nanos cost = state.transfer_cost(swap.read, pages);
    if (swap.synchronous) {
        op.spend(cost);
        return;
    }
    // A read waits for what the device is busy with.
    IoQueue& queue = state.io_queues[1 + std::size_t{device}];
    const Nanos now = time_of(op);
    queue.busy_until = std::max(queue.busy_until, now) + cost;
    op.spend(queue.busy_until - now);
}

}  // namespace memcgfs::engine
