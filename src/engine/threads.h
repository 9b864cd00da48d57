// SPDX-License-Identifier: MIT
//
// Threads with a place of their own (tasks of v1, cgroup.threads of v2): each is a Task without
// memory from when it leaves its process in some hierarchy until it is with it again in all.
// Engine lock held.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// Whose thread it is; a process's own pid.
inline std::int32_t process_of(const Task& task) {
    return task.info.process != 0 ? task.info.process : task.info.pid;
}

/// True for a thread with a place of its own, false for a process.
inline bool is_thread(const Task& task) { return task.info.process != 0; }

/// The task of a thread that had none, where its process is.
Task& set_thread_apart(Engine::State& state, Task& process, std::int32_t tid);

/// Ends the tasks of those of the process's threads that are where it is.
void rejoin_threads(Engine::State& state, Task& process);

/// A task's end: ends those of its threads, or takes it off the list of threads.
void forget_threads(Engine::State& state, const Task& task);

/// Whether a member may come into the group now: EOPNOTSUPP, EBUSY (cgroup_migrate_vet_dst), and
/// what cpuset says.
Result<void> may_attach(const Cgroup& group);

}  // namespace memcgfs::engine
