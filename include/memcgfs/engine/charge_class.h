// SPDX-License-Identifier: MIT
//
// What a charge may do when a limit is hit: the allocation flags that matter to try_charge_memcg
// (mm/memcontrol.c, 6.1; spec engine.md 2.2).
#pragma once

#include <cstdint>

namespace memcgfs::engine {

enum class ChargeClass : std::uint8_t {
    kUser,       ///< reclaims, retries, ends in the OOM killer
    kNoRetry,    ///< one reclaim and one drain, then ENOMEM (readahead, moving charges)
    kMayFail,    ///< all retries, no OOM killer
    kNoWait,     ///< may not sleep: ENOMEM at once, and no event
    kAtomic,     ///< may not sleep, must not fail: over the limit
    kNoFail,     ///< tries everything, then goes over the limit
    kReclaimer,  ///< forced at once: the charger is itself reclaiming
};

/// What kernel memory is for.
enum class KernelMemory : std::uint8_t {
    kSlab,
    kStack,   ///< of a thread
    kSocket,  ///< buffers; in v1 a counter of their own, without a charge to memory
};

}  // namespace memcgfs::engine
