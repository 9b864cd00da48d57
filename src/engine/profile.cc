// SPDX-License-Identifier: MIT
#include "memcgfs/engine/profile.h"

#include <array>

#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr Profile kAlinux2{
    .name = "alinux2",
    .description = "Alibaba Cloud Linux 2: 4.19 with per-memcg background reclaim",
    .version = {4, 19},
    .vendor = Vendor::kAlibaba,
    .min_free_kbytes_max = 65536,
    .watermark_scale_factor_max = 1000,
    .charge_batch = Pages{32},
    .swappiness_max = 100,
    .reclaim_retries = 5,
    .use_hierarchy_fixed = false,
    .dying_task_bypasses_limit = true,
    .hopeless_charge_is_forced = true,
    .high_sleeps = false,
    .high_in_syscall = false,
    .memory_recursiveprot = false,
    .memory_localevents = false,
    .limit_write_yields = false,
    .reclaim_root_keeps_protection = false,
    .anon_workingset = false,
    .memsw_always = true,
    .dying_oom_group_counts_victim_twice = false,
    .wmark = true,
    .v1_has_high = true,
    .cgroup_kill = false,
    .split_defers_first = true,
    .oom_tie_keeps_first = true,
    .oom_report_old_form = true,
    .zswap_charges = false,
    .oom_reaper_delay = Nanos{0},
};

constexpr Profile k510{
    .name = "5.10",
    .description = "mainline 5.10",
    .version = {5, 10},
    .watermark_scale_factor_max = 1000,
    .charge_batch = Pages{32},
    .use_hierarchy_fixed = false,
    .dying_task_bypasses_limit = true,
    .hopeless_charge_is_forced = true,
    .high_in_syscall = false,
    .limit_write_yields = false,
    .reclaim_root_keeps_protection = true,
    .cgroup_kill = false,
    .split_defers_first = true,
    .zswap_charges = false,
    .oom_reaper_delay = Nanos{0},
};

constexpr Profile k61{
    .name = "6.1",
    .description = "Debian 12's 6.1",
    .version = {6, 1},
    .proactive_empty_is_all = true,
    .reclaim_root_keeps_protection = true,
    .stat_flush = StatFlush::kWhole,
    .split_defers_first = true,
};

// DEVIATION(classic-lists): active and inactive lists, where Debian's kernel has generations.
constexpr Profile k612{
    .name = "6.12",
    .description = "Debian 13's 6.12, built without the v1 memory controller",
    .version = {6, 12},
    .dying_task_skips_high = true,
    .shared_reclaim_cursor = true,
    .proactive_asks_for_quarter = true,
    .proactive_swappiness = true,
    .peak_is_per_open_file = true,
    .scan_cost_counts_misses = true,
    .stat_flush = StatFlush::kSubtree,
    .refault_always_counts = true,
    .refault_asks_evictor_for_swap = true,
    .v1_memory = false,
    .khugepaged_counts_apart = true,
    .kswapd_repeats_untrimmed = true,
    .zoneinfo_shows_promo = true,
    .movable_has_small_min = true,
    .pids_events_hierarchical = true,
    .aligns_large_regions = true,
    .least_swap = Pages{64},
    .zswap_page_bytes = 44,
    .zswap_zsmalloc = true,
    .zswap_lru_per_memcg = true,
    .zswap_load_frees = true,
    .swap_zero_map = true,
    .swap_in_is_writable = true,
    .oom_report_rss_kinds = true,
};

constexpr std::array kProfiles{kAlinux2, k510, k61, k612};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

ControllerMask kernel_controllers(const Profile& profile) {
    ControllerMask mask = (1U << kControllerCount) - 1;
    if (profile.version < KernelVersion{5, 13}) {
        mask &= ~mask_of(Controller::kMisc);
    }
    return mask;
}

ControllerMask v1_controllers(const Profile& profile) {
    const ControllerMask optional = mask_of(Controller::kMemory) | mask_of(Controller::kCpuset);
    return kernel_controllers(profile) & ~(profile.v1_memory ? 0 : optional);
}

const Profile* find_profile(std::string_view name) {
    for (const Profile& profile : kProfiles) {
        if (profile.name == name) {
            return &profile;
        }
    }
    return nullptr;
}

const Profile& default_profile(Layout layout) {
    const Profile* profile = find_profile(layout == Layout::kV2 ? "6.12" : "6.1");
    MEMCGFS_ASSERT(profile != nullptr);
    return *profile;
}

}  // namespace memcgfs::engine
