// SPDX-License-Identifier: MIT
#include "interface/machine_values.h"

#include <algorithm>
#include <array>
#include <span>

namespace memcgfs::interface {
namespace {

using engine::KernelVersion;
using engine::LruList;
using engine::MachineStat;
using engine::NodeStat;
using engine::Profile;
using engine::StatItem;
using engine::VmEvent;
using engine::ZoneStat;
using Source = NumberLine::Source;

constexpr KernelVersion k6_12{6, 12};

constexpr NumberLine zero(std::string_view name) { return {.name = name}; }
constexpr NumberLine other(std::string_view name, Source source) {
    return {.name = name, .source = source};
}
constexpr NumberLine item(std::string_view name, StatItem which, Source source = Source::kItem) {
    return {.name = name, .source = source, .number = static_cast<std::uint8_t>(which)};
}
constexpr NumberLine zone_list(std::string_view name, LruList which) {
    return {.name = name, .source = Source::kZoneList, .number = static_cast<std::uint8_t>(which)};
}
constexpr NumberLine event(std::string_view name, VmEvent which) {
    return {.name = name, .source = Source::kEvent, .number = static_cast<std::uint8_t>(which)};
}
constexpr NumberLine since(KernelVersion version, NumberLine line) {
    line.since = version;
    return line;
}
constexpr NumberLine until(KernelVersion version, NumberLine line) {
    line.until = version;
    return line;
}

// As recorded on 6.1 and 6.12; older profiles show what 6.1 does.

constexpr std::array kZoneLines = {
    other("nr_free_pages", Source::kFreePages),
    zone_list("nr_zone_inactive_anon", LruList::kInactiveAnon),
    zone_list("nr_zone_active_anon", LruList::kActiveAnon),
    zone_list("nr_zone_inactive_file", LruList::kInactiveFile),
    zone_list("nr_zone_active_file", LruList::kActiveFile),
    zone_list("nr_zone_unevictable", LruList::kUnevictable),
    zero("nr_zone_write_pending"),
    zone_list("nr_mlock", LruList::kUnevictable),
    zero("nr_bounce"),
    zero("nr_zspages"),
    zero("nr_free_cma"),
    since(k6_12, zero("nr_unaccepted")),
    event("numa_hit", VmEvent::kNumaHit),
    event("numa_miss", VmEvent::kNumaMiss),
    event("numa_foreign", VmEvent::kNumaForeign),
    event("numa_interleave", VmEvent::kNumaInterleave),
    event("numa_local", VmEvent::kNumaLocal),
    event("numa_other", VmEvent::kNumaOther),
};

constexpr std::array kNodeLines = {
    item("nr_inactive_anon", StatItem::kInactiveAnon),
    item("nr_active_anon", StatItem::kActiveAnon),
    item("nr_inactive_file", StatItem::kInactiveFile),
    item("nr_active_file", StatItem::kActiveFile),
    item("nr_unevictable", StatItem::kUnevictable),
    item("nr_slab_reclaimable", StatItem::kSlabReclaimable),
    item("nr_slab_unreclaimable", StatItem::kSlabUnreclaimable),
    zero("nr_isolated_anon"),
    zero("nr_isolated_file"),
    zero("workingset_nodes"),
    item("workingset_refault_anon", StatItem::kWorkingsetRefaultAnon),
    item("workingset_refault_file", StatItem::kWorkingsetRefaultFile),
    item("workingset_activate_anon", StatItem::kWorkingsetActivateAnon),
    item("workingset_activate_file", StatItem::kWorkingsetActivateFile),
    item("workingset_restore_anon", StatItem::kWorkingsetRestoreAnon),
    item("workingset_restore_file", StatItem::kWorkingsetRestoreFile),
    item("workingset_nodereclaim", StatItem::kWorkingsetNodereclaim),
    item("nr_anon_pages", StatItem::kAnon),
    item("nr_mapped", StatItem::kFileMapped),
    other("nr_file_pages", Source::kFilePages),
    item("nr_dirty", StatItem::kFileDirty),
    item("nr_writeback", StatItem::kFileWriteback),
    zero("nr_writeback_temp"),
    item("nr_shmem", StatItem::kShmem),
    zero("nr_shmem_hugepages"),
    zero("nr_shmem_pmdmapped"),
    zero("nr_file_hugepages"),
    zero("nr_file_pmdmapped"),
    item("nr_anon_transparent_hugepages", StatItem::kAnonThp, Source::kItemHuge),
    zero("nr_vmscan_write"),
    zero("nr_vmscan_immediate_reclaim"),
    zero("nr_dirtied"),
    zero("nr_written"),
    zero("nr_throttled_written"),
    zero("nr_kernel_misc_reclaimable"),
    zero("nr_foll_pin_acquired"),
    zero("nr_foll_pin_released"),
    item("nr_kernel_stack", StatItem::kKernelStack, Source::kItemKb),
    item("nr_page_table_pages", StatItem::kPagetables),
    zero("nr_sec_page_table_pages"),
    since(k6_12, zero("nr_iommu_pages")),
    item("nr_swapcached", StatItem::kSwapCached),
    zero("pgpromote_success"),
    zero("pgpromote_candidate"),
    since(k6_12, zero("pgdemote_kswapd")),
    since(k6_12, zero("pgdemote_direct")),
    since(k6_12, zero("pgdemote_khugepaged")),
};

constexpr std::array kEventLines = {
    other("nr_dirty_threshold", Source::kDirtyThreshold),
    other("nr_dirty_background_threshold", Source::kDirtyBackgroundThreshold),
    since(k6_12, zero("nr_memmap_pages")),
    since(k6_12, zero("nr_memmap_boot_pages")),
    zero("pgpgin"),
    zero("pgpgout"),
    event("pswpin", VmEvent::kPswpin),
    event("pswpout", VmEvent::kPswpout),
    event("pgalloc_dma", VmEvent::kPgallocDma),
    event("pgalloc_dma32", VmEvent::kPgallocDma32),
    event("pgalloc_normal", VmEvent::kPgallocNormal),
    event("pgalloc_movable", VmEvent::kPgallocMovable),
    zero("pgalloc_device"),
    zero("allocstall_dma"),
    zero("allocstall_dma32"),
    zero("allocstall_normal"),
    event("allocstall_movable", VmEvent::kAllocstallMovable),
    zero("allocstall_device"),
    zero("pgskip_dma"),
    zero("pgskip_dma32"),
    zero("pgskip_normal"),
    zero("pgskip_movable"),
    zero("pgskip_device"),
    event("pgfree", VmEvent::kPgfree),
    item("pgactivate", StatItem::kPgactivate),
    item("pgdeactivate", StatItem::kPgdeactivate),
    item("pglazyfree", StatItem::kPglazyfree),
    item("pgfault", StatItem::kPgfault),
    item("pgmajfault", StatItem::kPgmajfault),
    item("pglazyfreed", StatItem::kPglazyfreed),
    event("pgrefill", VmEvent::kPgrefill),
    zero("pgreuse"),
    event("pgsteal_kswapd", VmEvent::kPgstealKswapd),
    event("pgsteal_direct", VmEvent::kPgstealDirect),
    until(k6_12, zero("pgdemote_kswapd")),
    until(k6_12, zero("pgdemote_direct")),
    since(k6_12, event("pgsteal_khugepaged", VmEvent::kPgstealKhugepaged)),
    event("pgscan_kswapd", VmEvent::kPgscanKswapd),
    event("pgscan_direct", VmEvent::kPgscanDirect),
    since(k6_12, event("pgscan_khugepaged", VmEvent::kPgscanKhugepaged)),
    zero("pgscan_direct_throttle"),
    event("pgscan_anon", VmEvent::kPgscanAnon),
    event("pgscan_file", VmEvent::kPgscanFile),
    event("pgsteal_anon", VmEvent::kPgstealAnon),
    event("pgsteal_file", VmEvent::kPgstealFile),
    since(k6_12, zero("zone_reclaim_success")),
    zero("zone_reclaim_failed"),
    zero("pginodesteal"),
    event("slabs_scanned", VmEvent::kSlabsScanned),
    zero("kswapd_inodesteal"),
    event("kswapd_low_wmark_hit_quickly", VmEvent::kKswapdLowWmarkHitQuickly),
    event("kswapd_high_wmark_hit_quickly", VmEvent::kKswapdHighWmarkHitQuickly),
    event("pageoutrun", VmEvent::kPageoutrun),
    zero("pgrotated"),
    zero("drop_pagecache"),
    zero("drop_slab"),
    event("oom_kill", VmEvent::kOomKill),
    zero("numa_pte_updates"),
    zero("numa_huge_pte_updates"),
    zero("numa_hint_faults"),
    zero("numa_hint_faults_local"),
    zero("numa_pages_migrated"),
    event("pgmigrate_success", VmEvent::kPgmigrateSuccess),
    event("pgmigrate_fail", VmEvent::kPgmigrateFail),
    event("thp_migration_success", VmEvent::kThpMigrationSuccess),
    zero("thp_migration_fail"),
    event("thp_migration_split", VmEvent::kThpMigrationSplit),
    zero("compact_migrate_scanned"),
    zero("compact_free_scanned"),
    zero("compact_isolated"),
    zero("compact_stall"),
    zero("compact_fail"),
    zero("compact_success"),
    zero("compact_daemon_wake"),
    zero("compact_daemon_migrate_scanned"),
    zero("compact_daemon_free_scanned"),
    zero("htlb_buddy_alloc_success"),
    zero("htlb_buddy_alloc_fail"),
    zero("unevictable_pgs_culled"),
    zero("unevictable_pgs_scanned"),
    zero("unevictable_pgs_rescued"),
    zero("unevictable_pgs_mlocked"),
    zero("unevictable_pgs_munlocked"),
    zero("unevictable_pgs_cleared"),
    zero("unevictable_pgs_stranded"),
    item("thp_fault_alloc", StatItem::kThpFaultAlloc),
    event("thp_fault_fallback", VmEvent::kThpFaultFallback),
    event("thp_fault_fallback_charge", VmEvent::kThpFaultFallbackCharge),
    event("thp_collapse_alloc", VmEvent::kThpCollapseAlloc),
    event("thp_collapse_alloc_failed", VmEvent::kThpCollapseAllocFailed),
    zero("thp_file_alloc"),
    zero("thp_file_fallback"),
    zero("thp_file_fallback_charge"),
    zero("thp_file_mapped"),
    event("thp_split_page", VmEvent::kThpSplitPage),
    zero("thp_split_page_failed"),
    event("thp_deferred_split_page", VmEvent::kThpDeferredSplitPage),
    since(k6_12, zero("thp_underused_split_page")),
    event("thp_split_pmd", VmEvent::kThpSplitPmd),
    zero("thp_scan_exceed_none_pte"),
    event("thp_scan_exceed_swap_pte", VmEvent::kThpScanExceedSwapPte),
    zero("thp_scan_exceed_share_pte"),
    zero("thp_split_pud"),
    zero("thp_zero_page_alloc"),
    zero("thp_zero_page_alloc_failed"),
    item("thp_swpout", StatItem::kThpSwpout),
    item("thp_swpout_fallback", StatItem::kThpSwpoutFallback),
    zero("balloon_inflate"),
    zero("balloon_deflate"),
    zero("balloon_migrate"),
    event("swap_ra", VmEvent::kSwapRa),
    event("swap_ra_hit", VmEvent::kSwapRaHit),
    since(k6_12, event("swpin_zero", VmEvent::kSwpinZero)),
    since(k6_12, event("swpout_zero", VmEvent::kSwpoutZero)),
    zero("ksm_swpin_copy"),
    zero("cow_ksm"),
    event("zswpin", VmEvent::kZswpin),
    event("zswpout", VmEvent::kZswpout),
    since(k6_12, event("zswpwb", VmEvent::kZswpwb)),
    zero("direct_map_level2_splits"),
    zero("direct_map_level3_splits"),
    zero("nr_unstable"),
};

std::vector<NumberLine> existing(std::span<const NumberLine> lines, const Profile& profile) {
    std::vector<NumberLine> kept;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(kept), [&](const NumberLine& line) {
        return line.since <= profile.version && profile.version < line.until;
    });
    return kept;
}

/// si_mem_available: what could be used without swapping.
std::uint64_t available_of(const MachineStat& stat, std::uint64_t free) {
    const auto pages = [&](StatItem which) { return static_cast<std::uint64_t>(stat.item(which)); };
    std::uint64_t low = 0;
    for (const NodeStat& node : stat.nodes) {
        for (const ZoneStat& zone : node.zones) {
            low += zone.low.count();
        }
    }
    const std::uint64_t cache = pages(StatItem::kActiveFile) + pages(StatItem::kInactiveFile);
    const std::uint64_t slab = pages(StatItem::kSlabReclaimable);
    const std::uint64_t sum =
        free + cache - std::min(cache / 2, low) + slab - std::min(slab / 2, low);
    return sum > stat.reserve.count() ? sum - stat.reserve.count() : 0;
}

/// Percent of the memory that dirty pages may be in (global_dirtyable_memory).
std::uint64_t dirtyable_percent(const MachineStat& stat, std::uint64_t percent) {
    std::uint64_t pages = static_cast<std::uint64_t>(stat.item(StatItem::kActiveFile)) +
                          static_cast<std::uint64_t>(stat.item(StatItem::kInactiveFile));
    for (const NodeStat& node : stat.nodes) {
        for (const ZoneStat& zone : node.zones) {
            pages += zone.free.count();
        }
    }
    return (pages - std::min(pages, stat.reserve.count())) * percent / 100;
}

}  // namespace

MemValues values_of(const MachineStat& stat) {
    MemValues values{.items = stat.items.data()};
    for (const NodeStat& node : stat.nodes) {
        const MemValues part = values_of(node);
        values.managed += part.managed;
        values.free += part.free;
    }
    values.available = available_of(stat, values.free);
    values.swap = stat.swap.count();
    values.swap_free = (stat.swap - stat.swap_used).count();
    values.zswap_pool = stat.zswap_pool.count();
    values.zswapped = stat.zswapped.count();
    return values;
}

MemValues values_of(const NodeStat& node) {
    MemValues values{.items = node.items.data()};
    for (const ZoneStat& zone : node.zones) {
        values.managed += zone.managed.count();
        values.free += zone.free.count();
    }
    return values;
}

std::vector<NumberLine> zone_lines(const Profile& profile) { return existing(kZoneLines, profile); }
std::vector<NumberLine> node_lines(const Profile& profile) { return existing(kNodeLines, profile); }
std::vector<NumberLine> event_lines(const Profile& profile) {
    return existing(kEventLines, profile);
}

std::uint64_t value_of(const NumberLine& line, const ZoneStat& zone) {
    switch (line.source) {
        case Source::kFreePages:
            return zone.free.count();
        case Source::kZoneList:
            return zone.lists[line.number].count();
        default:
            return 0;
    }
}

std::uint64_t value_of(const NumberLine& line, const NodeStat& node) {
    switch (line.source) {
        case Source::kItem:
            return static_cast<std::uint64_t>(node.items[line.number]);
        case Source::kItemKb:
            return static_cast<std::uint64_t>(node.items[line.number]) * 4;
        case Source::kItemHuge:
            return static_cast<std::uint64_t>(node.items[line.number]) / engine::kHugePages;
        case Source::kFilePages:
            return static_cast<std::uint64_t>(node.item(StatItem::kFile) +
                                              node.item(StatItem::kSwapCached));
        default:
            return 0;
    }
}

std::uint64_t value_of(const NumberLine& line, const MachineStat& stat) {
    switch (line.source) {
        case Source::kItem:
            return static_cast<std::uint64_t>(stat.items[line.number]);
        case Source::kEvent:
            return stat.events[line.number];
        case Source::kDirtyThreshold:
            return dirtyable_percent(stat, 20);
        case Source::kDirtyBackgroundThreshold:
            return dirtyable_percent(stat, 10);
        default:
            return 0;
    }
}

}  // namespace memcgfs::interface
