// SPDX-License-Identifier: MIT
//
// Transparent huge pages of private memory (mm/huge_memory.c, 6.1 and 6.12; spec engine.md 3.1).
//
// A huge page is charged, listed, scanned and moved as one. It is mapped as one, too: what would
// leave the kernel with a huge page mapped by small entries splits it here.
#pragma once

#include <optional>

#include "engine/operation.h"
#include "engine/state.h"
#include "engine/swap_space.h"

namespace memcgfs::engine {

/// Puts a new region below the task's lowest one (get_unmapped_area).
void place_region(const Engine::State& state, Task& task, Mapping& mapping);
/// The task has given the region up: the next one may go there.
void forget_place(Task& task, const Mapping& mapping);

/// MADV_HUGEPAGE, MADV_NOHUGEPAGE, or neither.
void set_huge_advice(Engine::State& state, Mapping& mapping, HugeAdvice advice);

/// The pages that a fault at `index` may bring as one huge page: none of them is there yet.
std::optional<Engine::Range> huge_block(Mapping& mapping, std::uint64_t index);

/// Charges and installs a huge page for the running task. Result: 512, or 0 if others were faster.
/// ENOMEM: the fault has to do with a small page.
Coro<Result<std::uint64_t>> fault_huge(Engine::State& state, OpContext& op, MappingId id,
                                       Engine::Range block);

/// Makes small pages of the huge ones of an extent that is on no list (split_huge_page).
void split_isolated_huge(Engine::State& state, Extent& extent);

/// Splits the huge pages of a listed extent that `range`, which lies in it, cuts. True: look the
/// extent up again.
bool split_cut_huge(Engine::State& state, Extent& extent, Engine::Range range);

/// The smallest range of whole huge pages around `range`.
Engine::Range whole_huge(const Mapping& mapping, Engine::Range range);

/// Slots side by side for a whole huge page of `owner`; nullopt, and an event: there are none.
std::optional<SlotGrant> take_huge_slots(Engine::State& state, Memcg& owner);

}  // namespace memcgfs::engine
