// SPDX-License-Identifier: MIT
//
// Who the processes are: what the file tables and the control channel ask about a pid.
//
// Counterpart: find_task_by_vpid() and the walk over task lists (kernel/cgroup/cgroup.c, 6.1).
// Implementations: live_tasks.h (the host's /proc) and scripted_tasks.h (tests).
//
// Threads: all methods may be called by any thread, but never under the engine lock (docs/
// locking.md): a live table reads /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::world {

/// One process (thread group) as it was at the moment of asking.
struct ProcessInfo {
    std::int32_t pid = 0;   ///< thread group id, in the daemon's pid namespace
    std::uint32_t uid = 0;  ///< real uid, as the daemon's user namespace shows it
    std::uint32_t saved_uid = 0;
    std::int32_t oom_score_adj = 0;
    std::string comm;
    std::uint32_t threads = 1;
    bool kernel_thread = false;
    bool zombie = false;        ///< exited, not yet waited for
    std::uint32_t css_set = 0;  ///< from the membership tag; 0: none
    std::int32_t parent = 0;    ///< who waits for it, in the daemon's pid namespace
    std::int32_t tid = 0;       ///< of find(): which of its threads was asked for
};

class TaskTable {
public:
    virtual ~TaskTable() = default;

    /// What is behind a pid as `caller_tid` (a thread id in the daemon's namespace) names it; pid
    /// 0 is the caller itself. A thread's id finds its process. ESRCH.
    virtual Result<ProcessInfo> find(std::int32_t pid, std::int32_t caller_tid) = 0;

    /// Ids of a process's threads that have not ended, in the order of their making; none if the
    /// process has gone. A table that knows no threads has one for each process.
    virtual std::vector<std::int32_t> threads_of(std::int32_t pid) { return {pid}; }

    /// The numbers that processes and threads of the daemon's pid namespace have in
    /// `caller_tid`'s; 0: none.
    virtual std::vector<std::int32_t> as_seen_by(std::int32_t /*caller_tid*/,
                                                 std::vector<std::int32_t> pids) {
        return pids;
    }

    /// A new process, which is known from now on: the css_set that its tag names; nothing if that
    /// cannot be told. Costs less than find().
    virtual std::optional<std::uint32_t> css_set(std::int32_t /*pid*/) { return std::nullopt; }

    /// Of what groups the roots of a thread's cgroup namespace are, as a css_set. Nothing: of the
    /// hierarchies', as everybody's whom nobody has seen make one.
    virtual std::optional<std::uint32_t> namespace_root(std::int32_t /*tid*/) {
        return std::nullopt;
    }

    /// All processes now, zombies too, each with the css_set its tag names (0: none).
    virtual std::vector<ProcessInfo> snapshot() = 0;

    /// The process is about to exit and has left its groups: from now on it counts as a zombie, so
    /// that nobody finds it there once more before it is one.
    virtual void leaves(std::int32_t /*pid*/) {}

    /// A process stands for one with this oom_score_adj, which it may not give itself on this
    /// host; holds until its real value changes. ESRCH, also from a table without such claims.
    virtual Result<void> claim_oom_score_adj(std::int32_t /*pid*/, std::int32_t /*oom_score_adj*/) {
        return Err(Errno::kESRCH);
    }
};

}  // namespace memcgfs::world
