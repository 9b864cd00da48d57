// SPDX-License-Identifier: MIT
//
// Who pays for what a request needs: the engine's task of the thread that made it.
//
// Threads: of() by any thread that holds no lock. Lock: LockRank::kLeaf.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::files {

class Payers {
public:
    /// References outlive it. `settle`, if any, is called with each process before it pays: what it
    /// has of its own is to be charged first.
    Payers(engine::Engine& engine, Mutex& engine_mutex, world::TaskTable& tasks,
           std::function<void(std::int32_t pid)> settle = {})
        : engine_(engine), engine_mutex_(engine_mutex), tasks_(tasks), settle_(std::move(settle)) {}
    ~Payers();
    Payers(const Payers&) = delete;
    Payers& operator=(const Payers&) = delete;

    /// The task that a thread (in the daemon's pid namespace) belongs to, made known to the engine
    /// if need be. Who is not of this world, and the kernel itself (0), is in the root groups.
    engine::TaskId of(std::int32_t thread);

private:
    struct Process;
    /// The process is still the one that was met.
    static bool lives(const Process& process);
    std::shared_ptr<Process> known(std::int32_t thread);
    std::shared_ptr<Process> learn(std::int32_t thread);
    engine::TaskId stranger();

    static constexpr std::size_t kMost = 256;  ///< threads remembered

    engine::Engine& engine_;
    Mutex& engine_mutex_;
    world::TaskTable& tasks_;
    const std::function<void(std::int32_t)> settle_;
    Mutex mutex_{LockRank::kLeaf};
    std::map<std::int32_t, std::shared_ptr<Process>> threads_ MEMCGFS_GUARDED_BY(mutex_);
    engine::TaskId stranger_ MEMCGFS_GUARDED_BY(engine_mutex_);
};

}  // namespace memcgfs::files
