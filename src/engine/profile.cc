// SPDX-License-Identifier: MIT
#include "memcgfs/engine/profile.h"

#include <array>
#include <utility>

#include "memcgfs/base/assert.h"
#include "memcgfs/base/text_buffer.h"

namespace memcgfs::engine {

namespace {

/// What old documents rely on, and no more: reclaim and the OOM killer are those of alinux2.
/// DEVIATION(old-kernels).
constexpr Profile old_kernel(std::string_view name, std::string_view description,
                             KernelVersion version) {
    return {
        .name = name,
        .description = description,
        .version = version,
        .min_free_kbytes_max = 65536,
        .watermark_scale_factor_max = 1000,
        .charge_batch = Pages{32},
        .swappiness_max = 100,
        .reclaim_retries = 5,
        .use_hierarchy_fixed = false,
        .use_hierarchy_default = false,
        .charges_go_to_parent = true,
        .settings_are_guarded = true,
        .res_counter = true,
        .dying_task_bypasses_limit = true,
        .hopeless_charge_is_forced = true,
        .high_sleeps = false,
        .high_in_syscall = false,
        .memory_recursiveprot = false,
        .memory_localevents = false,
        .limit_write_yields = false,
        .anon_workingset = false,
        .dying_oom_group_counts_victim_twice = false,
        .cgroup_kill = false,
        .split_defers_first = true,
        .oom_tie_keeps_first = true,
        .oom_report_old_form = true,
        .zswap_charges = false,
        .oom_reaper_delay = Nanos{0},
    };
}

constexpr Profile k2633 =
    old_kernel("2.6.33", "2.6.33 with the memory controller of 2.6.34", linux_2_6(34));
constexpr Profile k310 = old_kernel("3.10", "mainline 3.10, as of RHEL 7", {3, 10});

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

/// The first versions with the controllers that not all profiles have.
struct Since {
    Controller controller;
    KernelVersion version;
};
constexpr std::array kSince{
    Since{Controller::kPerfEvent, linux_2_6(39)},
    Since{Controller::kNetPrio, {3, 3}},
    Since{Controller::kHugetlb, {3, 6}},
    Since{Controller::kPids, {4, 3}},
    Since{Controller::kRdma, {4, 11}},
    Since{Controller::kMisc, {5, 13}},
};

constexpr std::array kProfiles{k2633, k310, kAlinux2, k510, k61, k612};

}  // namespace

std::string version_text(KernelVersion version) {
    TextBuffer text;
    text.print("{}{}.{}", version.major, version.major == 2 ? ".6" : "", version.minor);
    return std::move(text).take();
}

std::span<const Profile> profiles() { return kProfiles; }

ControllerMask kernel_controllers(const Profile& profile) {
    ControllerMask mask = (1U << kControllerCount) - 1;
    for (const Since& since : kSince) {
        mask &= profile.version < since.version ? ~mask_of(since.controller) : ~ControllerMask{0};
    }
    return mask;
}

ControllerMask v1_controllers(const Profile& profile) {
    const ControllerMask optional = mask_of(Controller::kMemory) | mask_of(Controller::kCpuset);
    return kernel_controllers(profile) & ~(profile.v1_memory ? 0 : optional);
}

bool has_v2(const Profile& profile) { return profile.version >= KernelVersion{4, 5}; }

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
