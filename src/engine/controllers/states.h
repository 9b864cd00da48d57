// SPDX-License-Identifier: MIT
//
// Beginning of a group's controllers other than memory, and what they say of its members.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// A new group gets what its parent hands down.
void inherit_states(Cgroup& group);
/// The same for cpuset: clone_children, and the flags that go down (v1).
void inherit_cpuset(Cgroup& group);

/// ENOSPC: a v1 cpuset without CPUs or memory takes no members.
Result<void> may_join_cpuset(const Cgroup& group);

/// Where a task's pages go when it has moved between cpusets; nullptr: they stay.
OperationPtr pages_after_attach(Engine::State& state, TaskId task, const Cgroup& from,
                                const Cgroup& to);

/// The nodes that the task's new pages may come from; 0: any.
NodeMask allowed_nodes(const Engine::State& state, const Task& task);

}  // namespace memcgfs::engine
