// SPDX-License-Identifier: MIT
//
// Tasks and their groups, as the engine's other parts see them.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// The memcg that the task's pages are charged to now.
Memcg& charged_memcg(const Engine::State& state, const Task& task);

/// The memcg that members of `group` are charged to: its own or the nearest ancestor's.
Memcg& effective_memcg(const Cgroup& group);

/// "/" or "/a/b", from the hierarchy's root.
std::string path_of(const Cgroup& group);
/// The path of the memcg's group; a removed group has none and is called "/".
std::string path_of(const Engine::State& state, const Memcg& memcg);

/// Ends a task: frees what only it has, ends its memberships, forgets it (do_exit).
void release_task(Engine::State& state, TaskId id);

/// A task takes a region up, or gives it up; the last user of a private region frees it.
void map_region(Task& task, Mapping& mapping);
void unmap_region(Engine::State& state, Task& task, MappingId id, bool keep);

/// Adds to or takes from populated_count up to where the state does not change; notifies.
void change_populated(Engine::State& state, Cgroup& group, int change);
/// Makes the task a member; it is in no other group of the hierarchy.
void join(Engine::State& state, Task& task, Cgroup& group);

/// True if the group or an ancestor is set to freeze.
bool is_frozen(const Cgroup& group);
/// True if one of the groups of the task's process is, or of one of its threads (threads.cc).
bool is_frozen(const Engine::State& state, const Task& task);

}  // namespace memcgfs::engine
