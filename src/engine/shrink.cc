// SPDX-License-Identifier: MIT
//
// Scanning a list (shrink_inactive_list and shrink_active_list, mm/vmscan.c, 6.1; spec engine.md
// 3.6).
#include <algorithm>

#include "engine/io_queue.h"
#include "engine/page_state.h"
#include "engine/reclaim.h"
#include "engine/shrink_pages.h"
#include "engine/stat_flush.h"
#include "engine/torn_page.h"
#include "engine/workingset.h"
#include "engine/writeback.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr Nanos kThrottleMax = from_millis(100);  // VMSCAN_THROTTLE_WRITEBACK

/// How many pages of the extent come off the list where `limit` are wanted: a huge page comes
/// whole.
std::uint64_t taken_of(const Extent& extent, Pages limit) {
    return std::min(extent.count, extent.state.compound() ? kHugePages : limit.count());
}

/// How many pages a batch of `limit` takes off the list, the oldest ones (isolate_lru_folios).
Pages batch_of(const Lruvec& lruvec, LruList list, Pages limit) {
    const Lruvec::List& all = lruvec.list(list);
    if (all.tail == nullptr || (!all.tail->state.compound() && Pages{all.tail->count} >= limit)) {
        return std::min(limit, all.pages);  // nearly always
    }
    Pages batch{};
    for (const Extent* extent = all.tail; extent != nullptr && batch < limit;
         extent = extent->newer) {
        batch += Pages{taken_of(*extent, limit - batch)};
    }
    return batch;
}

/// Takes the oldest pages, at most `limit`, off the list: one extent of equal pages.
Extent& isolate_tail(Engine::State& state, const Lruvec& lruvec, LruList list, Pages limit) {
    Extent* tail = lruvec.list(list).tail;
    MEMCGFS_ASSERT(tail != nullptr);
    if (const std::uint64_t taken = taken_of(*tail, limit); taken < tail->count) {
        tail->mapping->split(*tail, tail->first + taken);
    }
    state.lru_remove(*tail);
    return *tail;
}

/// What the dirty pages of a batch mean for the rest of the pass.
void heed_writeback(Engine::State& state, OpContext& op, ScanControl& control, Pages scanned,
                    const ShrinkResult& sum) {
    control.dirty += sum.dirty;
    control.congested += sum.congested;
    if (scanned == Pages{0} || sum.unqueued_dirty != scanned) {
        return;
    }
    // Nothing but dirty pages that nobody writes: the flusher is late. v1 throttles here.
    write_all(state, time_of(op));
    if (!writeback_throttling_sane(state, control)) {
        const Nanos now = time_of(op);
        unplug_swap(state, now);
        op.spend(std::min(next_write_end(state, now) - now, kThrottleMax));
    }
}

/// Where the pages that are scanned and freed are counted.
struct Reclaimer {
    StatItem scan;
    StatItem steal;
    VmEvent machine_scan;
    VmEvent machine_steal;
};

/// reclaimer_offset.
const Reclaimer& reclaimer_of(const Engine::State& state, const OpContext& op,
                              const ScanControl& control) {
    static constexpr Reclaimer kKswapd{StatItem::kPgscanKswapd, StatItem::kPgstealKswapd,
                                       VmEvent::kPgscanKswapd, VmEvent::kPgstealKswapd};
    static constexpr Reclaimer kKhugepaged{StatItem::kPgscanKhugepaged,
                                           StatItem::kPgstealKhugepaged, VmEvent::kPgscanKhugepaged,
                                           VmEvent::kPgstealKhugepaged};
    static constexpr Reclaimer kDirect{StatItem::kPgscanDirect, StatItem::kPgstealDirect,
                                       VmEvent::kPgscanDirect, VmEvent::kPgstealDirect};
    if (control.request.background) {
        return kKswapd;
    }
    return op.khugepaged && state.profile().khugepaged_counts_apart ? kKhugepaged : kDirect;
}

Pages shrink_inactive_list(Engine::State& state, OpContext& op, ScanControl& control, Memcg& memcg,
                           LruList list, Pages pages) {
    const Lruvec& lruvec = memcg.lruvec(control.node);
    const Pages scanned = batch_of(lruvec, list, pages);
    const bool file = is_file(list);
    const Reclaimer& reclaimer = reclaimer_of(state, op, control);
    memcg.add_stat(reclaimer.scan, as_delta(scanned));
    control.scanned += scanned;
    state.count(file ? VmEvent::kPgscanFile : VmEvent::kPgscanAnon, scanned.count());
    if (control.request.global) {
        state.count(reclaimer.machine_scan, scanned.count());
    }
    op.spend(state.machine().costs.reclaim_scan * static_cast<std::int64_t>(scanned.count()));
    ShrinkResult sum;
    for (Pages left = scanned; left > Pages{0};) {
        Extent& extent = isolate_tail(state, lruvec, list, left);
        left -= Pages{extent.count};
        sum += shrink_extent(state, op, control, extent);
    }
    control.written += sum.written;
    heed_writeback(state, op, control, scanned, sum);
    memcg.add_stat(reclaimer.steal, as_delta(sum.freed));
    state.count(file ? VmEvent::kPgstealFile : VmEvent::kPgstealAnon, sum.freed.count());
    if (control.request.global) {
        state.count(reclaimer.machine_steal, sum.freed.count());
    }
    const std::uint64_t cost = state.profile().scan_cost_counts_misses
                                   ? kIoCost * sum.written.count() + (scanned - sum.freed).count()
                                   : sum.written.count();
    note_cost(state, memcg, control.node, is_file(list), cost);
    return sum.freed;
}

}  // namespace

bool inactive_is_low(const Engine::State& state, const Memcg& memcg, NodeId node,
                     LruList inactive) {
    const bool file = is_file(inactive);
    const auto inactive_pages =
        static_cast<std::uint64_t>(lruvec_page_state(state, memcg, node, stat_of_list(inactive)));
    const auto active_pages = static_cast<std::uint64_t>(lruvec_page_state(
        state, memcg, node, file ? StatItem::kActiveFile : StatItem::kActiveAnon));
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
    const Pages scanned = batch_of(lruvec, list, pages);
    Pages rotated{};
    memcg.add_stat(StatItem::kPgrefill, as_delta(scanned));
    if (control.request.global) {
        state.count(VmEvent::kPgrefill, scanned.count());
    }
    op.spend(state.machine().costs.reclaim_scan * static_cast<std::int64_t>(scanned.count()));
    for (Pages left = scanned; left > Pages{0};) {
        Extent& extent = isolate_tail(state, lruvec, list, left);
        left -= Pages{extent.count};
        const std::uint8_t seen = users_in(state, *extent.mapping, control);
        if (extent.state.torn) {
            take_young(extent, seen);
        }
        const bool used = (extent.state.young & seen) != 0;
        extent.state.young = static_cast<std::uint8_t>(extent.state.young & ~seen);
        if (used && extent.mapping->executable && is_file(list)) {
            rotated += Pages{extent.count};
            age_nonresident(memcg, control.node, Pages{extent.count});
        } else {
            extent.state.list = inactive_of(list);
            extent.state.workingset = true;
        }
        state.lru_add(extent);
    }
    memcg.add_stat(StatItem::kPgdeactivate, as_delta(scanned - rotated));
    if (rotated > Pages{0} && state.profile().scan_cost_counts_misses) {
        note_cost(state, memcg, control.node, is_file(list), rotated.count());
    }
}

Pages reclaim_extent(Engine::State& state, OpContext& op, Extent& extent) {
    ScanControl control(ReclaimRequest{.root = *state.root_memcg});
    control.ignore_references = true;
    control.node = extent.state.node;
    state.lru_remove(extent);
    return shrink_extent(state, op, control, extent).freed;
}

Pages shrink_list(Engine::State& state, OpContext& op, ScanControl& control, Memcg& memcg,
                  LruList list, Pages pages) {
    settle_io(state, time_of(op));
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
