// SPDX-License-Identifier: MIT
//
// Memory policies, migration between nodes and memory hotplug (mm/mempolicy.c,
// mm/memory_hotplug.c, 6.1).
#pragma once

#include "engine/operation.h"
#include "engine/page_alloc.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// A memory block: what goes on and off line at once (128 MiB).
inline constexpr Pages kMemoryBlock{32768};

struct PolicyChoice {
    NodePreference nodes;
    Pages most{};  ///< pages from here on that the choice holds for
};

/// Where the page of index `index` of a mapping may come from when the operation's task, if it
/// has one, faults.
PolicyChoice policy_nodes(const Engine::State& state, const OpContext& op, const Task* task,
                          std::uint64_t index);

/// Body of Engine::migrate_pages.
Coro<OperationResult> migrate_task_pages(Engine::State& state, OpContext& op, NodeMask from,
                                         NodeMask to);

/// Body of Engine::offline_memory.
Coro<OperationResult> offline_block(Engine::State& state, OpContext& op, PagePlace place);

}  // namespace memcgfs::engine
