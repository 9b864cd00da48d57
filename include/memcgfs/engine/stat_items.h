// SPDX-License-Identifier: MIT
//
// Every number that a group keeps for memory.stat, in both hierarchies, and its events.
//
// Counts of pages and counts of events share one array; the interface's row of memory.stat says
// which unit a line has. Pages become bytes only there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace memcgfs::engine {

/// Pages of a huge page (HPAGE_PMD_NR of x86).
inline constexpr std::uint64_t kHugePages = 512;

enum class StatItem : std::uint8_t {
    // Pages now, and on which node they are (enum node_stat_item).
    kAnon,
    kFile,  ///< page cache including shmem
    kShmem,
    kKernelStack,
    kPagetables,
    kSlabReclaimable,    ///< in bytes, not pages
    kSlabUnreclaimable,  ///< likewise
    kFileMapped,
    kFileDirty,
    kFileWriteback,
    kSwapCached,
    kAnonThp,
    kFileThp,
    kShmemThp,
    kInactiveAnon,
    kActiveAnon,
    kInactiveFile,
    kActiveFile,
    kUnevictable,
    // Events ever, by node.
    kWorkingsetRefaultAnon,
    kWorkingsetRefaultFile,
    kWorkingsetActivateAnon,
    kWorkingsetActivateFile,
    kWorkingsetRestoreAnon,
    kWorkingsetRestoreFile,
    kWorkingsetNodereclaim,
    kNodeItemEnd,  ///< those before it belong to a node: Memcg::add_node_stat
    // Pages now.
    kKernel = kNodeItemEnd,
    kSock,
    kPercpu,
    kVmalloc,
    kSwap,      ///< v1 "swap": slots owned
    kZswap,     ///< bytes of compressed pages, not pages
    kZswapped,  ///< pages that have been compressed to those
    // Events ever.
    kPgscanKswapd,
    kPgscanDirect,
    kPgscanKhugepaged,
    kPgstealKswapd,
    kPgstealDirect,
    kPgstealKhugepaged,
    kPgpgin,
    kPgpgout,
    kPgfault,
    kPgmajfault,
    kPgrefill,
    kPgactivate,
    kPgdeactivate,
    kPglazyfree,
    kPglazyfreed,
    kZswpin,
    kZswpout,
    kZswpwb,
    kSwpinZero,
    kSwpoutZero,
    kThpFaultAlloc,
    kThpCollapseAlloc,
    kThpSwpout,
    kThpSwpoutFallback,
    kCount,
};
inline constexpr std::size_t kStatItemCount = static_cast<std::size_t>(StatItem::kCount);
inline constexpr std::size_t kNodeStatItemCount = static_cast<std::size_t>(StatItem::kNodeItemEnd);
constexpr bool is_node_item(StatItem item) { return item < StatItem::kNodeItemEnd; }

/// memory.events, memory.events.local and memory.swap.events.
enum class MemcgEvent : std::uint8_t {
    kLow,
    kHigh,
    kMax,
    kOom,
    kOomKill,
    kOomGroupKill,
    kSwapHigh,
    kSwapMax,
    kSwapFail,
    kCount,
};
inline constexpr std::size_t kMemcgEventCount = static_cast<std::size_t>(MemcgEvent::kCount);

/// The lists of a lruvec, in the order in which reclaim looks at them, then the unevictable one.
enum class LruList : std::uint8_t {
    kInactiveAnon,
    kActiveAnon,
    kInactiveFile,
    kActiveFile,
    kUnevictable,
    kCount,
};
inline constexpr std::size_t kLruListCount = static_cast<std::size_t>(LruList::kCount);
/// The number of pages on a list, and back; both enums have them in one order.
constexpr StatItem stat_of_list(LruList list) {
    return static_cast<StatItem>(static_cast<std::size_t>(StatItem::kInactiveAnon) +
                                 static_cast<std::size_t>(list));
}
constexpr LruList list_of_stat(StatItem item) {
    return static_cast<LruList>(static_cast<std::size_t>(item) -
                                static_cast<std::size_t>(StatItem::kInactiveAnon));
}

}  // namespace memcgfs::engine
