// SPDX-License-Identifier: MIT
#include "engine/zswap.h"

#include <algorithm>

#include "engine/io_queue.h"
#include "engine/pages.h"
#include "engine/state.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr std::uint64_t kWorkerBatch = 32;

/// What an allocation of one compressed page takes of the pool.
std::uint64_t slot_bytes(const Engine::State& state) {
    const std::uint64_t bytes = zswap_page_bytes(state);
    if (bytes == 0) {
        return 0;  // filled with one value, which the entry itself holds
    }
    if (state.profile().zswap_zsmalloc) {
        constexpr std::uint64_t kHandle = 8;
        constexpr std::uint64_t kClassStep = 16;
        constexpr std::uint64_t kHuge = 3264;  // a page of its own from here on
        const std::uint64_t size = (bytes + kHandle + kClassStep - 1) / kClassStep * kClassStep;
        return size > kHuge ? kPageSize : size;
    }
    constexpr std::uint64_t kBuddyMax = 2016;  // zbud: two to a page, by chunks of 64 bytes
    return bytes <= kBuddyMax ? kPageSize / 2 : kPageSize;
}

bool pays(const Engine::State& state, const Memcg& owner) {
    return !state.memory_on_v1() && state.profile().zswap_charges && !owner.is_root();
}

std::int64_t pages_for(std::int64_t bytes) {
    constexpr auto kPage = static_cast<std::int64_t>(kPageSize);
    return (bytes + kPage - 1) / kPage;
}

/// Adds so many pages (or takes them away) to what the owner pays for.
void charge_owner(const Engine::State& state, Memcg& owner, std::int64_t pages) {
    if (!pays(state, owner)) {
        return;
    }
    const std::int64_t before = owner.stat(StatItem::kZswap);
    const std::int64_t bytes = pages * static_cast<std::int64_t>(zswap_page_bytes(state));
    owner.add_stat(StatItem::kZswap, bytes);
    owner.add_stat(StatItem::kZswapped, pages);
    const std::int64_t kernel = pages_for(before + bytes) - pages_for(before);
    owner.add_stat(StatItem::kKernel, kernel);
    if (kernel > 0) {
        owner.memory.charge(Pages{static_cast<std::uint64_t>(kernel)});  // forced: in reclaim
    } else {
        owner.memory.uncharge(Pages{static_cast<std::uint64_t>(-kernel)});
    }
}

void grow_pool(Engine::State& state, std::int64_t pages) {
    // Unsigned arithmetic wraps as it should for what is taken away.
    state.zswap.stored += Pages{static_cast<std::uint64_t>(pages)};
    state.zswap.size += Bytes{static_cast<std::uint64_t>(pages) * slot_bytes(state)};
}

Pages pool_limit(const Engine::State& state) {
    return Pages{state.machine().memory.count() * state.machine().zswap.max_pool_percent / 100};
}

Pages accept_threshold(const Engine::State& state) {
    return Pages{pool_limit(state).count() * state.machine().zswap.accept_threshold_percent / 100};
}

/// zswap_check_limits (6.12), zswap_is_full and zswap_can_accept (6.1): no room until the pool has
/// fallen to the threshold.
bool pool_full(Engine::State& state) {
    const Pages pool = zswap_pool_pages(state);
    const bool over =
        state.profile().zswap_lru_per_memcg ? pool >= pool_limit(state) : pool > pool_limit(state);
    if (over) {
        state.zswap.full = true;
    } else if (pool <= accept_threshold(state)) {
        state.zswap.full = false;
    }
    return state.zswap.full;
}

/// obj_cgroup_may_zswap.
bool within_limits(const Engine::State& state, const Memcg& owner) {
    if (!pays(state, owner)) {
        return true;
    }
    for (const Memcg* level = &owner; !level->is_root(); level = level->parent()) {
        const auto bytes = static_cast<std::uint64_t>(level->stat_total(StatItem::kZswap));
        if (level->zswap_max != kPageCounterMax && Pages{bytes / kPageSize} >= level->zswap_max) {
            return false;
        }
    }
    return true;
}

/// One entry moves on to its slot (zswap_writeback_entry).
void write_back(Engine::State& state, OpContext& op, const ZswapLru::Entry& entry) {
    Mapping& mapping = *state.mappings.find(entry.mapping);
    Extent* extent = mapping.find(entry.index);
    MEMCGFS_ASSERT(extent != nullptr && extent->state.where == PageState::Where::kSwapped);
    extent = &mapping.split(*extent, entry.index);
    if (extent->count > 1) {
        mapping.split(*extent, entry.index + 1);
    }
    Memcg& owner = *extent->zswap_owner;
    zswap_forget(state, *extent);
    mapping.merge_swapped(*extent);
    if (pays(state, owner)) {
        owner.add_stat(StatItem::kZswpwb, 1);
    }
    state.count(VmEvent::kZswpwb, 1);
    state.count(VmEvent::kPswpout, 1);
    const std::uint8_t device = mapping.find(entry.index)->state.device;
    IoQueue& queue = state.io_queues[1 + std::size_t{device}];
    queue.busy_until = std::max(queue.busy_until, time_of(op)) +
                       state.transfer_cost(state.swap_areas[device].device.write, Pages{1});
}

/// Tries to write the oldest entry of a group back (shrink_memcg).
bool shrink_memcg(Engine::State& state, OpContext& op, const Memcg& memcg) {
    const auto list = state.zswap.lrus.find(memcg.id().value);
    if (list == state.zswap.lrus.end() || !memcg.online ||
        !zswap_writeback_allowed(state, memcg)) {
        return false;
    }
    const std::optional<ZswapLru::Entry> entry = list->second.pop();
    if (entry) {
        write_back(state, op, *entry);
    }
    return entry.has_value();
}

/// The next group of the worker's round that has entries, or nullptr.
Memcg* next_to_shrink(Engine::State& state) {
    auto& lrus = state.zswap.lrus;
    std::erase_if(lrus, [](const auto& item) { return item.second.empty(); });
    auto it = lrus.upper_bound(state.zswap.last_shrunk.value);
    if (it == lrus.end()) {
        it = lrus.begin();
    }
    if (it == lrus.end()) {
        return nullptr;
    }
    state.zswap.last_shrunk = MemcgId{it->first};
    return state.memcgs.find(state.zswap.last_shrunk);
}

/// Writes back until the pool is at its threshold, or fails too often (shrink_worker).
Coro<OperationResult> shrink_pool(Engine::State& state, OpContext& op) {
    std::uint64_t written = 0;
    std::uint32_t failures = 0;
    while (zswap_pool_pages(state) > accept_threshold(state) &&
           failures < state.profile().reclaim_retries) {
        const Memcg* memcg = next_to_shrink(state);
        if (memcg == nullptr) {
            break;
        }
        const bool done = shrink_memcg(state, op, *memcg);
        written += done ? 1 : 0;
        failures += done ? 0 : 1;
        if (written % kWorkerBatch == 0) {
            co_await op.pause_point();
        }
    }
    state.zswap.worker_running = false;
    co_return written;
}

void queue_shrink(Engine::State& state) {
    if (!state.zswap.worker_running) {
        state.zswap.worker_running = true;
        state.emit(SpawnEffect{state.make_operation(
            "zswap_shrink", [&state](OpContext& op) { return shrink_pool(state, op); })});
    }
}

/// Whether the pool takes one more page of `owner`.
bool accepts(Engine::State& state, OpContext& op, const Memcg& owner) {
    const bool writes_back = state.profile().zswap_lru_per_memcg;
    if (!within_limits(state, owner) && (!writes_back || !shrink_memcg(state, op, owner))) {
        return false;
    }
    if (pool_full(state)) {
        if (writes_back) {
            queue_shrink(state);
        }
        return false;
    }
    return zswap_page_bytes(state) < kPageSize;
}

}  // namespace

std::uint64_t zswap_page_bytes(const Engine::State& state) {
    return state.machine().zswap.page_bytes.value_or(state.profile().zswap_page_bytes);
}

bool swaps_zero_pages(const Engine::State& state) {
    return state.profile().swap_zero_map && zswap_page_bytes(state) == 0;
}

Pages zswap_pool_pages(const Engine::State& state) {
    return Pages{(state.zswap.size.count() + kPageSize - 1) / kPageSize};
}

bool zswap_store(Engine::State& state, OpContext& op, Extent& page, Memcg& owner) {
    if (!accepts(state, op, owner)) {
        return false;
    }
    page.zswap_owner = &owner;
    grow_pool(state, 1);
    charge_owner(state, owner, 1);
    if (state.profile().zswap_lru_per_memcg) {
        state.zswap.lrus[owner.id().value].add(page.mapping->id(), {page.first, 1});
    }
    if (pays(state, owner)) {
        owner.add_stat(StatItem::kZswpout, 1);
    }
    state.count(VmEvent::kZswpout, 1);
    op.spend(state.machine().zswap.store);
    return true;
}

void zswap_forget(Engine::State& state, Extent& extent) {
    if (extent.zswap_owner == nullptr) {
        return;
    }
    Memcg& owner = *extent.zswap_owner;
    extent.zswap_owner = nullptr;
    grow_pool(state, -static_cast<std::int64_t>(extent.count));
    charge_owner(state, owner, -static_cast<std::int64_t>(extent.count));
    const auto list = state.zswap.lrus.find(owner.id().value);
    if (list != state.zswap.lrus.end()) {
        list->second.remove(extent.mapping->id(), {extent.first, extent.count});
    }
}

void count_zswpin(Engine::State& state, Memcg& owner, Pages pages) {
    if (pays(state, owner)) {
        owner.add_stat(StatItem::kZswpin, as_delta(pages));
    }
    state.count(VmEvent::kZswpin, pages.count());
}

bool zswap_writeback_allowed(const Engine::State& state, const Memcg& memcg) {
    if (!state.machine().zswap.enabled) {
        return true;
    }
    for (const Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        if (!level->zswap_writeback) {
            return false;
        }
    }
    return true;
}

void reparent_zswap(Engine::State& state, Memcg& memcg) {
    Memcg& parent = online_memcg(memcg);
    std::int64_t pages = 0;
    if (state.zswap.stored == Pages{0}) {
        return;
    }
    state.mappings.for_each([&](Mapping& mapping) {
        for (Extent* extent = mapping.next(0); extent != nullptr;
             extent = mapping.next(extent->end())) {
            if (extent->zswap_owner == &memcg) {
                extent->zswap_owner = &parent;
                pages += static_cast<std::int64_t>(extent->count);
            }
        }
    });
    charge_owner(state, memcg, -pages);
    charge_owner(state, parent, pages);
    const auto list = state.zswap.lrus.find(memcg.id().value);
    if (list != state.zswap.lrus.end()) {
        state.zswap.lrus[parent.id().value].take_over(list->second);
        state.zswap.lrus.erase(list);
    }
}

}  // namespace memcgfs::engine
