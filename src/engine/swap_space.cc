// SPDX-License-Identifier: MIT
#include "engine/swap_space.h"

#include <algorithm>

#include "engine/huge_page.h"
#include "engine/io_queue.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/workingset.h"
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
void assign_slots(Engine::State& state, Extent& extent, Memcg& owner, const SlotGrant& grant) {
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
    mapping.merge_swapped(slots);
    uncharge_swapped(state, memcg, owner, pages, folios);
    if (state.profile().anon_workingset) {
        leave_shadows(mapping, range, evictor, page_state);
    }
}

/// Pages with slots go out, written first where the slots do not have them yet.
void write_out(Engine::State& state, OpContext& op, Extent& extent, bool write, Memcg& evictor,
               SwapOutcome& outcome) {
    const Pages pages{extent.count};
    const std::uint8_t device = extent.state.device;
    const SwapDevice& swap = state.swap_areas[device].device;
    if (write) {
        outcome.written += pages;
        state.count(VmEvent::kPswpout, pages.count());
    }
    if (write && !swap.synchronous) {
        const bool whole = extent.state.huge;
        PageState next = extent.state;
        next.detached = true;
        next.dirty = false;
        next.writeback = true;
        next.reclaim = true;
        change_isolated(extent, next);
        const WriteRequest request{extent.mapping->id(), {extent.first, extent.count}, {}};
        state.lru_add(extent);
        submit_write(state, state.io_queues[1 + std::size_t{device}], request, time_of(op),
                     swap.write, whole ? kHugePages : kWriteChunk);
        return;
    }
    if (write) {
        op.spend(state.transfer_cost(swap.write, pages));
    }
    outcome.freed += pages;
    evict(state, extent, evictor);
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
        write_out(state, op, extent, extent.state.dirty, evictor, outcome);
        return outcome;
    }
    Mapping& mapping = *extent.mapping;
    Memcg& owner = online_memcg(*extent.memcg);
    if (extent.state.huge) {
        if (const std::optional<SlotGrant> grant = take_huge_slots(state, owner)) {
            extent.memcg->add_stat(StatItem::kThpSwpout, 1);
            state.count(VmEvent::kThpSplitPmd, 1);
            assign_slots(state, extent, owner, *grant);
            write_out(state, op, extent, true, evictor, outcome);
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
        outcome.rest = &extent;
        return outcome;
    }
    if (allowed < wanted) {
        // The oldest pages get the slots.
        outcome.rest = &mapping.split_isolated(extent, extent.first + allowed.count());
    }
    for (Extent* left = &extent; left != nullptr;) {
        const SlotGrant grant = take_slots(state, Pages{left->count});
        Extent* next = grant.pages < Pages{left->count}
                           ? &mapping.split_isolated(*left, left->first + grant.pages.count())
                           : nullptr;
        assign_slots(state, *left, owner, grant);
        write_out(state, op, *left, true, evictor, outcome);
        left = next;
    }
    return outcome;
}

void spend_swap_read(Engine::State& state, OpContext& op, std::uint8_t device, Pages pages) {
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
