// SPDX-License-Identifier: MIT
//
// A kernel as data: what version-dependent code asks instead of "which version?".
//
// File sets derive from `version` and `vendor` through the interface table's since/until; engine
// behaviour only from the named constants and quirks below. Sources: the specs' Appendix A and
// the kernels named at each profile.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/hierarchy.h"
#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

struct KernelVersion {
    std::uint16_t major = 0;
    std::uint16_t minor = 0;
    constexpr auto operator<=>(const KernelVersion&) const = default;
};
/// 2.6.N, which came before 3.0: there has been no other 2.N since memory cgroups exist.
constexpr KernelVersion linux_2_6(std::uint16_t minor) { return {2, minor}; }
/// As people write it: "2.6.33", "6.12".
std::string version_text(KernelVersion version);

enum class Vendor : std::uint8_t { kMainline, kAlibaba };

/// Which hierarchies a tree shows and which of them has the memory controller.
enum class Layout : std::uint8_t {
    kV1,      ///< memory/ (v1) below a plain directory
    kV2,      ///< one unified tree
    kHybrid,  ///< memory/ (v1, has the controller) and unified/ (v2)
    kNone,    ///< nothing at first, until something is mounted
};

/// /sys/kernel/mm/transparent_hugepage/enabled: which private memory may have huge pages.
enum class ThpMode : std::uint8_t {
    kNever,
    kMadvise,  ///< that with MADV_HUGEPAGE
    kAlways,   ///< all but that with MADV_NOHUGEPAGE
};

/// When a group's statistics are brought up to date for reclaim, which reads sizes of lists there.
enum class StatFlush : std::uint8_t {
    kNever,    ///< they always are, but for what CPUs hold back (before 5.15)
    kWhole,    ///< of all groups, by who reads any, at each visit of reclaim, and every two seconds
    kSubtree,  ///< by who reads those of a group or one above, and every two seconds (6.12)
};

struct Profile {
    std::string_view name;
    std::string_view description;
    KernelVersion version;
    Vendor vendor = Vendor::kMainline;

    // Numbers.
    std::uint64_t min_free_kbytes_max = 262144;  ///< clamp of the computed value; 65536 before 5.8
    std::uint32_t watermark_scale_factor_max = 3000;  ///< 1000 before 5.18
    Pages charge_batch{64};                           ///< MEMCG_CHARGE_BATCH: 32 up to 5.10
    std::uint32_t ticks_per_second = 250;             ///< HZ
    std::uint64_t swappiness_max = 200;               ///< 100 before 5.8
    std::uint64_t swappiness_default = 60;
    std::uint32_t reclaim_retries = 16;  ///< rounds without progress before the OOM killer

    // Quirks.
    bool use_hierarchy_fixed = true;  ///< use_hierarchy always 1 (5.11); before: 0/1, default 0
    /// use_hierarchy of the root group: where it is not fixed the kernel's is 0, systemd's 1.
    bool use_hierarchy_default = true;
    /// A group that is removed or emptied leaves no page behind: its parent gets them (to 3.18).
    bool charges_go_to_parent = false;
    /// force_empty fails EBUSY if there are tasks or children; swappiness and oom_control fail
    /// EINVAL in the root group, and below or above others in a hierarchy (to 3.15).
    bool settings_are_guarded = false;
    bool res_counter = false;  ///< limits are bytes, rounded up; none is LLONG_MAX (to 3.18)
    bool dying_task_bypasses_limit = false;  ///< forced charge for dying tasks (up to 5.15)
    bool hopeless_charge_is_forced = false;  ///< over the limit if none can be killed (to 5.15)
    bool high_sleeps = true;                 ///< memory.high slows tasks down (5.4)
    bool high_in_syscall = true;             ///< and bounds a single system call (5.17)
    bool memory_recursiveprot = true;        ///< knows the mount option (5.7)
    bool memory_localevents = true;          ///< knows the mount option (5.2)
    /// A write of memory.max or .high stops reclaiming when another has changed the value (6.1 and
    /// 6.12 as they are now; 6.12.95 did not).
    bool limit_write_yields = true;
    bool dying_task_skips_high = false;  ///< no throttle for dying tasks (6.12)
    std::uint32_t memcg_ids = 65535;     ///< MEM_CGROUP_ID_MAX: groups, and removed ones with slots
    bool shared_reclaim_cursor = false;  ///< limit reclaim resumes where it stopped (6.12)
    bool proactive_asks_for_quarter = false;     ///< memory.reclaim asks for a quarter a go (6.12)
    bool proactive_swappiness = false;           ///< memory.reclaim takes swappiness=N (6.9)
    bool proactive_empty_is_all = false;         ///< memory.reclaim "" means everything (6.1)
    bool peak_is_per_open_file = false;          ///< memory.peak writable (6.12)
    bool reclaim_root_keeps_protection = false;  ///< root's stale protection honoured (6.1)
    bool scan_cost_counts_misses = false;        ///< cost = 32 * written + scanned - freed (6.12)
    bool anon_workingset = true;                 ///< swapped pages leave shadows too (5.9)
    StatFlush stat_flush = StatFlush::kNever;
    bool refault_always_counts = false;          ///< also where the evictor has gone (6.12)
    bool refault_asks_evictor_for_swap = false;  ///< not the refaulting group (6.12)
    bool memsw_always = true;                    ///< memsw files without a boot switch (6.1)
    bool dying_oom_group_counts_victim_twice = true;  ///< oom_kill + 1 for the chosen victim
    bool wmark = false;                               ///< Alibaba's memory.wmark_* and its worker
    bool v1_has_high = false;                         ///< memory.min/low/high on v1 (Alibaba)
    bool v1_memory = true;  ///< built with the v1 memory and cpuset controllers
    bool khugepaged_counts_apart = false;  ///< pgscan_khugepaged, pgsteal_khugepaged (6.2)
    bool kswapd_repeats_untrimmed = false;            ///< once more without cache trimming (6.12)
    bool zoneinfo_shows_promo = false;                ///< a line for the promo mark (6.12)
    bool movable_has_small_min = false;  ///< ZONE_MOVABLE's min mark like HighMem's (6.12)
    bool pids_events_hierarchical = false;  ///< pids.events counts where the limit is (6.11)
    bool cgroup_kill = true;             ///< cgroup.kill (5.14)
    bool aligns_large_regions = false;   ///< mmap puts 2 MiB and more on a 2 MiB boundary (6.7)
    bool split_defers_first = false;     ///< a split counts as a deferred one, too (up to 6.1)
    bool oom_tie_keeps_first = false;    ///< of equal scores the first, not the last (up to 5.0)
    bool oom_report_old_form = false;    ///< "Task in ... killed as a result of limit" (up to 5.0)
    /// Anonymous pages are left alone where fewer slots can be had: MIN_LRU_BATCH with the
    /// multi-generation LRU of Debian's 6.12 (get_swappiness).
    Pages least_swap{1};
    std::uint32_t zswap_page_bytes = 0;  ///< a page of one value, compressed; 44 in 6.12 (lzo)
    bool zswap_charges = true;           ///< groups pay for compressed pages (5.19)
    bool zswap_zsmalloc = false;         ///< the pool is zsmalloc's, no zbud (6.12)
    bool zswap_lru_per_memcg = false;    ///< a full group writes back its own, as the pool (6.8)
    bool zswap_load_frees = false;       ///< reading a compressed page frees it (6.12)
    bool swap_zero_map = false;          ///< zero pages take a bit, no write (6.12)
    bool swap_in_is_writable = false;    ///< a private page read back takes no fault more (6.12)
    bool oom_report_rss_kinds = false;   ///< rss_anon, rss_file, rss_shmem in the table (6.8)
    /// A victim that has not exited by then is reaped; at once up to 5.17.
    Nanos oom_reaper_delay = from_millis(2000);
};

/// All profiles: 2.6.33, 3.10, alinux2, 5.10, 6.1, 6.12.
std::span<const Profile> profiles();
/// All controllers of a kernel of this profile, whichever versions have them.
ControllerMask kernel_controllers(const Profile& profile);
/// Those of them that can be mounted with v1.
ControllerMask v1_controllers(const Profile& profile);
/// It has cgroup v2 (4.5).
bool has_v2(const Profile& profile);
/// By name; nullptr when there is none of that name.
const Profile* find_profile(std::string_view name);
/// 6.1 where a v1 memory controller is wanted, else 6.12.
const Profile& default_profile(Layout layout);

/// One NUMA node: how many pages its zones manage; 0 is a zone that the node does not have.
struct MachineNode {
    std::array<Pages, kZoneTypeCount> managed{};
};

/// A swap device. Slots come from the highest priority that has any, in turn among equals.
struct SwapDevice {
    Pages pages{};
    std::int32_t priority = -2;
    /// Writes are over when they have been started (SWP_SYNCHRONOUS_IO): memory, compressed (zram)
    /// or not, no disk.
    bool synchronous = false;
    /// Slots are not kept in clusters: a huge page is split before it goes out.
    bool rotational = false;
    Nanos write{2000};  ///< one page
    Nanos read{3000};   ///< one page
    /// What /proc/swaps calls it. Empty: /dev/vdb, /dev/vdc and so on by its number.
    std::string path{};
    bool file = false;  ///< no block device
};

/// Compressed swap in memory (/sys/module/zswap/parameters). Debian's kernels have it off.
struct Zswap {
    bool enabled = false;
    std::uint32_t max_pool_percent = 20;          ///< of the memory
    std::uint32_t accept_threshold_percent = 90;  ///< of that: a full pool takes pages again
    /// What every page compresses to. 4096 and more: not worth it; 0: pages filled with one value,
    /// which 6.12 takes for zero. Absent: as recorded for the hogs' pages.
    std::optional<std::uint32_t> page_bytes{};
    Nanos store{2000};  ///< compressing one page
    Nanos load{1000};   ///< and back
};

/// The simulated machine. Defaults: 1 GiB, no swap, one CPU, one node.
struct Machine {
    Pages memory{262144};
    /// Empty: one node with all the memory, in zones as a PC's. Otherwise they make up `memory`.
    std::vector<MachineNode> nodes{};
    Pages swap{0};
    /// Empty: one disk of `swap` pages. Otherwise they make up `swap`.
    std::vector<SwapDevice> swap_devices{};
    Zswap zswap{};
    std::uint32_t cpus = 1;
    std::uint64_t vm_swappiness = 60;
    /// vm.page-cluster: a read from swap takes up to 2^N pages; 0: one at a time.
    std::uint32_t vm_page_cluster = 3;
    std::uint32_t hz = 0;  ///< clock ticks a second; 0: the profile's
    /// Nothing: as the kernel finds right for the memory. Enabled in any way, min_free_kbytes gets
    /// the larger value that huge pages ask for.
    std::optional<ThpMode> thp{};
    std::uint32_t vm_panic_on_oom = 0;  ///< 2: also when a group's limit is hit
    std::int32_t vm_oom_kill_allocating_task = 0;
    bool vm_oom_dump_tasks = true;      ///< the table of tasks in the report
    bool page_tables = false;  ///< page tables are charged; off, usage is a task's pages alone

    /// Cost model, in nanoseconds of simulated time. Round figures of a 2020s server with an NVMe
    /// disk that has the swap too; a machine file replaces them.
    struct Costs {
        Nanos fault{250};          ///< one page fault on fresh memory, a page
        Nanos file_read{2000};     ///< reading one uncached page (2 GB/s)
        Nanos file_write{1000};    ///< copying one page into the cache
        Nanos writeback{2000};     ///< the disk's time for one page written back
        Nanos reclaim_scan{200};   ///< one page looked at by reclaim
        Nanos reclaim_unmap{100};  ///< taking one page out of one page table (try_to_unmap)
        Nanos swap_submit{2400};   ///< starting the write of one page to a disk
        Nanos swap_out{2000};      ///< one page written to swap
        Nanos swap_in{3000};       ///< one page read from swap
    } costs;

    /// Smaller machines have no huge pages unless they are asked for (hugepage_init, 6.1).
    static constexpr Pages kThpLeast{131072};
    ThpMode thp_mode() const {
        return thp.value_or(memory < kThpLeast ? ThpMode::kNever : ThpMode::kAlways);
    }
};

}  // namespace memcgfs::engine
