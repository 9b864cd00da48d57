// SPDX-License-Identifier: MIT
//
// How much memory a process has mapped: struct mm_struct's counters (mm/memory.c, 6.1).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

struct Footprint {
    Pages virtual_size{};  ///< total_vm
    Pages anon{};          ///< MM_ANONPAGES
    Pages file{};          ///< MM_FILEPAGES
    Pages shmem{};         ///< MM_SHMEMPAGES
    Pages swapped{};       ///< MM_SWAPENTS: anonymous pages in swap
    Pages page_tables{};   ///< of all levels below the topmost

    Pages resident() const { return anon + file + shmem; }
};

/// Counted over the regions of the task, whoever their pages are charged to. The page tables are
/// what the regions would need if each began at a multiple of a gigabyte. O(runs of pages).
Footprint footprint(const Engine::State& state, const Task& task);

}  // namespace memcgfs::engine
