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

enum class StatItem : std::uint8_t {
    // Pages, now.
    kAnon,
    kFile,  ///< page cache including shmem
    kShmem,
    kKernel,
    kKernelStack,
    kPagetables,
    kSlabReclaimable,
    kSlabUnreclaimable,
    kSock,
    kPercpu,
    kVmalloc,
    kFileMapped,
    kFileDirty,
    kFileWriteback,
    kSwapCached,
    kSwap,  ///< v1 "swap": slots owned
    kAnonThp,
    kFileThp,
    kShmemThp,
    kInactiveAnon,
    kActiveAnon,
    kInactiveFile,
    kActiveFile,
    kUnevictable,
    // Events, ever.
    kWorkingsetRefaultAnon,
    kWorkingsetRefaultFile,
    kWorkingsetActivateAnon,
    kWorkingsetActivateFile,
    kWorkingsetRestoreAnon,
    kWorkingsetRestoreFile,
    kWorkingsetNodereclaim,
    kPgscanKswapd,
    kPgscanDirect,
    kPgstealKswapd,
    kPgstealDirect,
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
    kThpFaultAlloc,
    kThpCollapseAlloc,
    kCount,
};
inline constexpr std::size_t kStatItemCount = static_cast<std::size_t>(StatItem::kCount);

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

}  // namespace memcgfs::engine
