// SPDX-License-Identifier: MIT
//
// Pages that come back from swap on a fault, and those read ahead with them (do_swap_page,
// mm/memory.c; swap_vma_readahead, mm/swap_state.c; 6.1 and 6.12; spec engine.md 3.7).
//
// The window is counted in pages of the mapping from the fault on, for shared memory too, where
// the kernel counts slots.
#pragma once

#include "engine/fault.h"
#include "engine/page_alloc.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// How many pages a fault at `index`, which `swapped` holds, reads together; 0: as many as are
/// asked for, each by a fault of its own, for the device is memory and the swap cache is not used.
std::uint64_t swap_window(const Engine::State& state, const Extent& swapped, std::uint64_t index);

/// Pages read ahead have been used.
void note_readahead_hits(Engine::State& state, Mapping& mapping, std::uint64_t pages);

struct SwapFault {
    Engine::Range charged{};   ///< what has been charged to `memcg`
    std::uint64_t window = 0;  ///< what swap_window() said; not 0: all but the first are ahead
    PageState page_state{};    ///< of pages that have been asked for
    bool write = false;
    /// No fault, so none is counted; and who has to wait for a disk does not: all pages are ahead.
    bool by_khugepaged = false;
};
struct SwapFaultResult {
    std::uint64_t passed = 0;  ///< asked for, and there
    std::uint64_t read = 0;
};
/// Puts the pages there as far as they are still in swap; gives the rest of the charge back.
SwapFaultResult install_swapped(Engine::State& state, OpContext& op, Mapping* mapping,
                                SwapFault fault, Memcg& memcg, PageReservation& pages);

}  // namespace memcgfs::engine
