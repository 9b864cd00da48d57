// SPDX-License-Identifier: MIT
//
// Who is in which group: keeps the engine's tasks in step with the host's processes, and decides
// who may move whom (cgroup_attach_permissions, cgroup1_procs_write; 6.1).
//
// Threads: called without the engine lock, which is taken inside; the task table is only asked
// while it is not held, and a group may have gone after that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cftype.h"
#include "memcgfs/interface/hooks.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::interface {

/// The processes that have a thread in the group, perhaps several times; those whose first thread
/// is in it; and the threads that are. Engine lock held.
std::vector<Member> processes_of(const engine::Engine& engine, const engine::Cgroup& group);
std::vector<Member> leaders_of(const engine::Engine& engine, const engine::Cgroup& group);
std::vector<Member> threads_of(const engine::Engine& engine, const engine::Cgroup& group);

class Membership {
public:
    Membership(engine::Engine& engine, Mutex& engine_mutex, world::TaskTable& tasks,
               const Hooks& hooks)
        : engine_(engine), engine_mutex_(engine_mutex), tasks_(tasks), hooks_(hooks) {}

    /// New processes join the groups of their tags, vanished ones exit. A process that comes to
    /// be known during the call is left alone.
    void refresh() MEMCGFS_EXCLUDES(engine_mutex_);

    /// The members' numbers in the caller's pid namespace; 0 for those outside.
    std::vector<std::int32_t> as_seen_by(const vfs::Credentials& caller,
                                         const std::vector<Member>& members) const
        MEMCGFS_EXCLUDES(engine_mutex_);

    struct Move {
        engine::CgroupId group;     ///< where to
        vfs::FileIndex procs_file;  ///< v2's cgroup.procs, for the rule of the common ancestor
        vfs::Credentials opener;
        vfs::Credentials caller;
        bool one_thread = false;  ///< v2's cgroup.threads, v1's tasks
    };
    /// May a process that `who` is make a child in the group (cgroup_css_set_fork, 6.1)? EACCES,
    /// ENODEV.
    Result<void> may_fork_into(const world::ProcessInfo& process, engine::CgroupId group,
                               vfs::FileIndex procs_file, const vfs::Credentials& who)
        MEMCGFS_EXCLUDES(engine_mutex_);
    /// What of somebody counts, besides who he is, for what he may do (vfs::Credentials::noted).
    std::optional<std::uint32_t> note_opener(const vfs::Credentials& opener) const;
    /// The group is the root of the cgroup namespace of who has opened a file, and what it was
    /// given from outside is not for those inside to change (mount option nsdelegate).
    bool is_delegated(engine::CgroupId group, const vfs::Credentials& opener) const
        MEMCGFS_EXCLUDES(engine_mutex_);
    /// The write of a pid into cgroup.procs, tasks or cgroup.threads (spec files.md A4.1, B4, B5).
    Result<vfs::StoreOutcome> move(std::string_view text, const Move& move)
        MEMCGFS_EXCLUDES(engine_mutex_);

private:
    using FileRegions = std::vector<engine::Engine::FileRegion>;
    std::vector<engine::TaskId> known_tasks() const MEMCGFS_REQUIRES(engine_mutex_);
    engine::TaskId learn(const world::ProcessInfo& process) MEMCGFS_REQUIRES(engine_mutex_);
    /// Threads with a place of their own that `now` has no more.
    void drop_ended_threads(const std::vector<engine::TaskId>& before,
                            const std::map<std::int32_t, std::vector<std::int32_t>>& now)
        MEMCGFS_REQUIRES(engine_mutex_);
    /// The v2 group at the root of somebody's cgroup namespace (TaskTable::namespace_root), if that
    /// counts for what he may do; nothing: he is in the first one.
    std::optional<engine::CgroupId> boundary_of(std::optional<std::uint32_t> root) const
        MEMCGFS_EXCLUDES(engine_mutex_);
    /// Of what the process and the group have above them.
    Result<void> check_v2_permission(const world::ProcessInfo& process, const Move& move)
        MEMCGFS_EXCLUDES(engine_mutex_);
    Result<engine::OperationPtr> migrate_thread(engine::TaskId process, std::int32_t tid,
                                                std::span<const std::int32_t> threads,
                                                const Move& move, FileRegions files)
        MEMCGFS_REQUIRES(engine_mutex_);

    engine::Engine& engine_;
    Mutex& engine_mutex_;
    world::TaskTable& tasks_;
    const Hooks& hooks_;
};

}  // namespace memcgfs::interface
