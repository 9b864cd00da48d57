// SPDX-License-Identifier: MIT
//
// Scanning a list: who stays, who goes (shrink_inactive_list, shrink_active_list and
// shrink_folio_list, mm/vmscan.c, 6.1; spec engine.md 3.6).
#include <algorithm>

#include "engine/pages.h"
#include "engine/reclaim.h"
#include "engine/workingset.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

bool is_active(LruList list) {
    return list == LruList::kActiveAnon || list == LruList::kActiveFile;
}

bool is_file(LruList list) {
    return list == LruList::kInactiveFile || list == LruList::kActiveFile;
}

LruList active_of(LruList list) {
    return is_file(list) ? LruList::kActiveFile : LruList::kActiveAnon;
}

LruList inactive_of(LruList list) {
    return is_file(list) ? LruList::kInactiveFile : LruList::kInactiveAnon;
}

/// Takes the oldest pages, at most `limit`, off the list: one extent of equal pages.
Extent& isolate_tail(Engine::State& state, const Lruvec& lruvec, LruList list, Pages limit) {
    Extent* tail = lruvec.list(list).tail;
    MEMCGFS_ASSERT(tail != nullptr);
    if (Pages{tail->count} > limit) {
        tail->mapping->split(*tail, tail->first + limit.count());
    }
    state.lru_remove(*tail);
    return *tail;
}

void activate(Engine::State& state, Extent& extent) {
    extent.memcg->add_stat(StatItem::kPgactivate, static_cast<std::int64_t>(extent.count));
    extent.state.list = active_of(extent.state.list);
    if (extent.state.swap_slot && swap_full(state, *extent.memcg)) {
        free_swap_slots(state, extent);
    }
    age_nonresident(*extent.memcg, extent.state.node, Pages{extent.count});
    state.lru_add(extent);
}

enum class References : std::uint8_t { kReclaim, kKeep, kActivate };

/// The two-touch rule; clears the marks it looked at (folio_check_references).
References check_references(PageState& page_state) {
    const bool was_referenced = page_state.referenced;
    const unsigned mappings = page_state.young;
    page_state.young = 0;
    page_state.referenced = mappings > 0;
    if (mappings == 0) {
        return References::kReclaim;
    }
    return was_referenced || mappings > 1 ? References::kActivate : References::kKeep;
}

struct ShrinkResult {
    Pages freed{};
    Pages written{};
};

void unmap(Extent& extent) {
    if (extent.state.mapped && extent.mapping->kind() != PageKind::kAnon) {
        extent.memcg->add_node_stat(extent.state.node, StatItem::kFileMapped,
                                    -static_cast<std::int64_t>(extent.count));
    }
    extent.state.mapped = false;
}

/// Decides over one isolated extent of equal pages, on behalf of `evictor`.
ShrinkResult shrink_extent(Engine::State& state, OpContext& op, Extent& extent, Memcg& evictor) {
    Mapping& mapping = *extent.mapping;
    const Pages pages{extent.count};
    const std::uint64_t first = extent.first;
    switch (check_references(extent.state)) {
        case References::kActivate:
            activate(state, extent);
            return {};
        case References::kKeep:
            state.lru_add(extent);
            return {};
        case References::kReclaim:
            break;
    }
    unmap(extent);
    const PageState page_state = extent.state;
    if (mapping.kind() == PageKind::kFile) {
        free_isolated(state, extent);
        leave_shadows(mapping, {first, pages.count()}, evictor, page_state);
        return {pages, {}};
    }
    const bool had_slots = page_state.swap_slot;
    const SwapOutcome outcome = swap_out(state, op, extent);
    if (outcome.rest != nullptr) {
        activate(state, *outcome.rest);
    }
    if (outcome.written > Pages{0} && state.profile().anon_workingset) {
        leave_shadows(mapping, {first, outcome.written.count()}, evictor, page_state);
    }
    return {outcome.written, had_slots ? Pages{0} : outcome.written};
}

Pages shrink_inactive_list(Engine::State& state, OpContext& op, ScanControl& control, Memcg& memcg,
                           LruList list, Pages pages) {
    const Lruvec& lruvec = memcg.lruvec(control.node);
    const Pages scanned = std::min(pages, lruvec.size(list));
    const bool background = control.request.background;
    const bool file = is_file(list);
    memcg.add_stat(background ? StatItem::kPgscanKswapd : StatItem::kPgscanDirect,
                   as_delta(scanned));
    control.scanned += scanned;
    state.count(file ? VmEvent::kPgscanFile : VmEvent::kPgscanAnon, scanned.count());
    if (control.request.global) {
        state.count(background ? VmEvent::kPgscanKswapd : VmEvent::kPgscanDirect, scanned.count());
    }
    op.spend(state.machine().costs.reclaim_scan * static_cast<std::int64_t>(scanned.count()));
    ShrinkResult sum;
    for (Pages left = scanned; left > Pages{0};) {
        Extent& extent = isolate_tail(state, lruvec, list, left);
        left -= Pages{extent.count};
        const ShrinkResult result = shrink_extent(state, op, extent, control.request.root);
        sum.freed += result.freed;
        sum.written += result.written;
    }
    control.written += sum.written;
    memcg.add_stat(background ? StatItem::kPgstealKswapd : StatItem::kPgstealDirect,
                   as_delta(sum.freed));
    state.count(file ? VmEvent::kPgstealFile : VmEvent::kPgstealAnon, sum.freed.count());
    if (control.request.global) {
        state.count(background ? VmEvent::kPgstealKswapd : VmEvent::kPgstealDirect,
                    sum.freed.count());
    }
    const std::uint64_t cost = state.profile().scan_cost_counts_misses
                                   ? kIoCost * sum.written.count() + (scanned - sum.freed).count()
                                   : sum.written.count();
    note_cost(memcg, control.node, is_file(list), cost);
    return sum.freed;
}

}  // namespace

bool inactive_is_low(const Memcg& memcg, NodeId node, LruList inactive) {
    const bool file = is_file(inactive);
    const auto inactive_pages = static_cast<std::uint64_t>(
        memcg.node_stat_total(node, file ? StatItem::kInactiveFile : StatItem::kInactiveAnon));
    const auto active_pages = static_cast<std::uint64_t>(
        memcg.node_stat_total(node, file ? StatItem::kActiveFile : StatItem::kActiveAnon));
    constexpr unsigned kGibShift = 30 - 12;  // pages to GiB
    const std::uint64_t gib = (inactive_pages + active_pages) >> kGibShift;
    std::uint64_t ratio = 1;
    if (gib > 0) {
        while ((ratio + 1) * (ratio + 1) <= 10 * gib) {  // int_sqrt
            ratio++;
        }
    }
    return inactive_pages * ratio < active_pages;
}

void shrink_active_list(Engine::State& state, OpContext& op, const ScanControl& control,
                        Memcg& memcg, LruList list, Pages pages) {
    const Lruvec& lruvec = memcg.lruvec(control.node);
    const Pages scanned = std::min(pages, lruvec.size(list));
    memcg.add_stat(StatItem::kPgrefill, as_delta(scanned));
    memcg.add_stat(StatItem::kPgdeactivate, as_delta(scanned));
    if (control.request.global) {
        state.count(VmEvent::kPgrefill, scanned.count());
    }
    op.spend(state.machine().costs.reclaim_scan * static_cast<std::int64_t>(scanned.count()));
    for (Pages left = scanned; left > Pages{0};) {
        Extent& extent = isolate_tail(state, lruvec, list, left);
        left -= Pages{extent.count};
        extent.state.list = inactive_of(list);
        extent.state.young = 0;
        extent.state.workingset = true;
        state.lru_add(extent);
    }
}

Pages reclaim_extent(Engine::State& state, OpContext& op, Extent& extent) {
    extent.state.young = 0;
    extent.state.referenced = false;
    state.lru_remove(extent);
    return shrink_extent(state, op, extent, *state.root_memcg).freed;
}

Pages shrink_list(Engine::State& state, OpContext& op, ScanControl& control, Memcg& memcg,
                  LruList list, Pages pages) {
    if (!is_active(list)) {
        return shrink_inactive_list(state, op, control, memcg, list, pages);
    }
    if (is_file(list) ? control.may_deactivate_file : control.may_deactivate_anon) {
        shrink_active_list(state, op, control, memcg, list, pages);
    } else {
        control.skipped_deactivate = true;
    }
    return Pages{0};
}

}  // namespace memcgfs::engine
