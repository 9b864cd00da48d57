// SPDX-License-Identifier: MIT
//
// The page tables of simulated address spaces: kernel memory that is charged like a page
// (pte_alloc with __GFP_ACCOUNT, mm/memory.c, 6.1). Only the lowest level is counted, one table a
// 2 MiB block of a mapping in which the task has touched something; the tables above it are a
// page or two, and a process has them before it joins a group.
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// True if `task`, charged to `memcg`, has no table for page `index` of `mapping` and would have to
/// pay for one.
bool lacks_page_table(const Engine::State& state, const Task& task, const Memcg& memcg,
                      MappingId mapping, std::uint64_t index);

/// Charges the table that the task of `op` lacks. It may take its time: look again afterwards.
/// ENOMEM as try_charge.
Coro<Result<void>> pay_page_table(Engine::State& state, OpContext& op, MappingId mapping,
                                  std::uint64_t index);

/// As many pages from the start of `range` on as the table of the first one maps.
std::uint64_t mapped_by_one_table(const Engine::State& state, Engine::Range range);

/// The task no longer maps `mapping`: its tables go.
void free_page_tables(Engine::State& state, Task& task, MappingId mapping);

}  // namespace memcgfs::engine
