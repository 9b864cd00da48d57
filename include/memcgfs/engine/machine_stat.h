// SPDX-License-Identifier: MIT
//
// What the machine itself counts, as opposed to its groups: the data of /proc/vmstat,
// /proc/zoneinfo, /proc/meminfo, /proc/swaps and the nodes' files. Sources: mm/vmstat.c,
// fs/proc/meminfo.c, 6.1 and 6.12.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/profile.h"
#include "memcgfs/engine/stat_items.h"

namespace memcgfs::engine {

/// Events of /proc/vmstat. Scanning counts here only for want of free pages, not at a limit.
enum class VmEvent : std::uint8_t {
    kPgallocDma,
    kPgallocDma32,
    kPgallocNormal,
    kPgallocMovable,
    kAllocstallMovable,
    kPgfree,
    kPswpin,
    kPswpout,
    kSwapRa,
    kSwapRaHit,
    kSwpinZero,
    kSwpoutZero,
    kZswpin,
    kZswpout,
    kZswpwb,
    kPgrefill,
    kPgscanKswapd,
    kPgscanDirect,
    kPgscanKhugepaged,
    kPgstealKswapd,
    kPgstealDirect,
    kPgstealKhugepaged,
    kPgscanAnon,  ///< at limits too, like the three after it
    kPgscanFile,
    kPgstealAnon,
    kPgstealFile,
    kKswapdLowWmarkHitQuickly,
    kKswapdHighWmarkHitQuickly,
    kPageoutrun,
    kOomKill,
    kThpFaultFallback,
    kThpFaultFallbackCharge,
    kThpCollapseAlloc,
    kThpCollapseAllocFailed,
    kThpScanExceedSwapPte,
    kSlabsScanned,
    kThpSplitPage,
    kThpDeferredSplitPage,
    kThpSplitPmd,
    kThpMigrationSuccess,
    kThpMigrationSplit,
    kPgmigrateSuccess,
    kPgmigrateFail,
    kNumaHit,
    kNumaMiss,
    kNumaForeign,
    kNumaInterleave,
    kNumaLocal,
    kNumaOther,
    kCount,
};
inline constexpr std::size_t kVmEventCount = static_cast<std::size_t>(VmEvent::kCount);
using VmEvents = std::array<std::uint64_t, kVmEventCount>;

/// A node's share of the events from kNumaHit to kNumaOther, in that order.
inline constexpr std::size_t kNumaEventCount =
    static_cast<std::size_t>(VmEvent::kCount) - static_cast<std::size_t>(VmEvent::kNumaHit);
using NumaEvents = std::array<std::uint64_t, kNumaEventCount>;

struct ZoneStat {
    ZoneType type{};
    Pages managed{};
    Pages free{};
    Pages min{};
    Pages low{};
    Pages high{};
    Pages promo{};
    /// lowmem_reserve, by the highest zone that an allocation could use.
    std::array<Pages, kZoneTypeCount> protection{};
    std::array<Pages, kLruListCount> lists{};
};

struct NodeStat {
    std::array<ZoneStat, kZoneTypeCount> zones{};  ///< those that the node lacks manage no pages
    std::array<std::int64_t, kNodeStatItemCount> items{};
    NumaEvents numa{};

    std::int64_t item(StatItem which) const { return items[static_cast<std::size_t>(which)]; }
};

/// One line of /proc/swaps.
struct SwapStat {
    std::uint32_t number = 0;  ///< Engine::swapoff()'s
    SwapDevice device;
    Pages used{};
};

/// A snapshot of the machine.
struct MachineStat {
    std::vector<NodeStat> nodes;
    std::vector<SwapStat> swaps;  ///< those that are on, or being emptied
    VmEvents events{};
    std::array<std::int64_t, kStatItemCount> items{};  ///< of all groups, the root too
    Pages reserve{};                                   ///< totalreserve_pages
    Pages swap{};  ///< what a device that is being emptied holds is room, as the kernel counts
    Pages swap_used{};
    Pages zswap_pool{};  ///< what compressed pages take
    Pages zswapped{};    ///< and how many they are
    std::uint32_t cpus = 1;
    std::uint64_t min_free_kbytes = 0;
    std::uint32_t watermark_scale_factor = 0;

    std::uint64_t event(VmEvent which) const { return events[static_cast<std::size_t>(which)]; }
    std::int64_t item(StatItem which) const { return items[static_cast<std::size_t>(which)]; }
};

}  // namespace memcgfs::engine
