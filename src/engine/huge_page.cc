// SPDX-License-Identifier: MIT
#include "engine/huge_page.h"

#include <algorithm>

#include "engine/charge.h"
#include "engine/khugepaged.h"
#include "engine/members.h"
#include "engine/numa.h"
#include "engine/page_alloc.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr Pages kHuge{kHugePages};

/// Allocates and charges; ENOMEM where a small page has to do.
Coro<Result<PageReservation>> charged_huge(Engine::State& state, OpContext& op, Memcg& memcg,
                                           Engine::Range block, bool advised) {
    using Charged = Result<PageReservation>;
    const Task* task = state.tasks.find(op.task);
    auto pages = alloc_huge(state, policy_nodes(state, op, task, block.first).nodes);
    if (!pages) {
        state.count(VmEvent::kThpFaultFallback, 1);
        co_return Charged(Err(Errno::kENOMEM));
    }
    // Only memory that asked for huge pages is worth a reclaim (vma_thp_gfp_mask with Debian's
    // "madvise" for defrag).
    const ChargeRequest request{.memcg = memcg,
                                .pages = kHuge,
                                .klass = advised ? ChargeClass::kUser : ChargeClass::kNoWait};
    Result<void> charged{};
    if (!memcg.is_root() && state.fault(FaultSite::kChargeFails)) {
        charged = Err(Errno::kENOMEM);
    } else {
        charged = co_await try_charge(state, op, request);
    }
    if (!charged.ok()) {
        state.count(VmEvent::kThpFaultFallback, 1);
        state.count(VmEvent::kThpFaultFallbackCharge, 1);
        co_return Charged(Err(charged.error()));
    }
    co_return Charged(std::move(*pages));
}

bool is_free(Mapping& mapping, Engine::Range block) {
    const Extent* next = mapping.next(block.first);
    return next == nullptr || next->first >= block.first + block.count;
}

/// Makes small pages of some huge ones that are on a list; they keep their place there.
void split_listed(Engine::State& state, Extent& holder, Engine::Range pages) {
    Extent& extent = carve(holder, pages);
    split_isolated_huge(state, extent);
    extent.memcg->lruvec(extent.state.node).coalesce(extent);
}

}  // namespace

void place_region(const Engine::State& state, Task& task, Mapping& mapping) {
    const std::uint64_t size = mapping.size.count();
    mapping.address = task.lowest_address - size;
    const bool aligns = state.profile().aligns_large_regions && mapping.kind() == PageKind::kAnon &&
                        size % kHugePages == 0;
    if (aligns) {
        mapping.address -= mapping.address % kHugePages;
    }
    task.lowest_address = mapping.address;
}

void forget_place(Task& task, const Mapping& mapping) {
    if (task.lowest_address == mapping.address) {
        task.lowest_address = mapping.address + mapping.size.count();
    }
}

void set_huge_advice(Engine::State& state, Mapping& mapping, HugeAdvice advice) {
    const ThpMode mode = state.machine().thp_mode();
    mapping.huge_advised = advice == HugeAdvice::kHuge;
    const bool wanted = mode == ThpMode::kAlways
                            ? advice != HugeAdvice::kNever
                            : mode == ThpMode::kMadvise && mapping.huge_advised;
    mapping.huge_enabled = wanted && mapping.kind() == PageKind::kAnon && mapping.size >= kHuge;
    Task* maker = state.tasks.find(mapping.maker);
    if (mapping.huge_enabled && mapping.huge_advised && maker != nullptr) {
        khugepaged_enter(state, *maker);
    }
}

std::optional<Engine::Range> huge_block(Mapping& mapping, std::uint64_t index) {
    const std::uint64_t offset = mapping.huge_offset(index);
    if (!mapping.huge_enabled || offset > index) {
        return std::nullopt;
    }
    const Engine::Range block{index - offset, kHugePages};
    if (block.first + block.count > mapping.size.count() || !is_free(mapping, block)) {
        return std::nullopt;
    }
    return block;
}

Coro<Result<std::uint64_t>> fault_huge(Engine::State& state, OpContext& op, MappingId id,
                                       Engine::Range block) {
    const Task* task = state.tasks.find(op.task);
    Mapping* mapping = state.mappings.find(id);
    Memcg& memcg = charged_memcg(state, *task);
    const MemcgPin pin(memcg);
    Result<PageReservation> pages =
        co_await charged_huge(state, op, memcg, block, mapping->huge_advised);
    if (!pages.ok()) {
        co_return Err(pages.error());
    }
    mapping = state.mappings.find(id);
    if (mapping == nullptr || !is_free(*mapping, block)) {
        cancel_charge(state, memcg, kHuge);
        co_return std::uint64_t{0};
    }
    commit_huge_charge(state, memcg);
    memcg.add_stat(StatItem::kPgfault, 1);
    memcg.add_stat(StatItem::kThpFaultAlloc, 1);
    PageState page_state;
    page_state.huge = true;
    page_state.list = mapping->locked ? LruList::kUnevictable : LruList::kInactiveAnon;
    page_state.mapped = mapping->user_bits.bit(op.task);
    page_state.young = page_state.mapped;
    page_state.node = pages->place().node;
    page_state.zone = pages->place().zone;
    op.spend(state.machine().costs.fault * as_delta(kHuge));
    pages->use(kHuge);
    add_resident(state, *mapping, block, memcg, page_state);
    co_return kHugePages;
}

void split_isolated_huge(Engine::State& state, Extent& extent) {
    MEMCGFS_ASSERT(extent.state.huge);
    const std::uint64_t count = extent.folios();
    state.count(VmEvent::kThpSplitPage, count);
    if (!extent.state.detached) {
        state.count(VmEvent::kThpSplitPmd, count);
        if (state.profile().split_defers_first) {
            state.count(VmEvent::kThpDeferredSplitPage, count);
        }
    }
    PageState next = extent.state;
    next.huge = false;
    change_isolated(extent, next);
}

bool split_cut_huge(Engine::State& state, Extent& extent, Engine::Range range) {
    if (!extent.state.huge) {
        return false;
    }
    const Engine::Range whole = whole_huge(*extent.mapping, range);
    if (whole.first < range.first) {
        split_listed(state, extent, {whole.first, kHugePages});
        return true;
    }
    if (whole.count > range.count) {
        split_listed(state, extent, {whole.first + whole.count - kHugePages, kHugePages});
        return true;
    }
    return false;
}

Engine::Range whole_huge(const Mapping& mapping, Engine::Range range) {
    const std::uint64_t before = mapping.huge_offset(range.first);
    const std::uint64_t count = before + range.count;
    return {range.first - before, (count + kHugePages - 1) / kHugePages * kHugePages};
}

std::optional<SlotGrant> take_huge_slots(Engine::State& state, Memcg& owner) {
    const Pages allowed = reachable_swap(state, owner);
    const std::optional<SlotGrant> grant =
        state.fault(FaultSite::kSwapFull) ? std::nullopt : take_slot_cluster(state, kHuge);
    if (grant && allowed < kHuge) {
        give_slots(state, grant->device, grant->pages);
        state.event(owner, MemcgEvent::kSwapMax);
        state.event(owner, MemcgEvent::kSwapFail);
        return std::nullopt;
    }
    if (!grant) {
        state.event(owner, MemcgEvent::kSwapFail);
    }
    return grant;
}

}  // namespace memcgfs::engine
