// SPDX-License-Identifier: MIT
//
// Whether a process of the world may fork (cgroup_can_fork, kernel/cgroup/cgroup.c, 6.1).
//
// The kernel counts the child when it grants the fork; here it counts once it shows in /proc, a
// moment after. A fork that has been granted and does not show yet is kept, and where it decides
// whether the next one fits, that one waits until it shows, or until its caller has had time
// enough to fail for a reason of its own.
//
// Thread: the supervisor's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/meter/follower.h"
#include "memcgfs/world/live_tasks.h"

namespace memcgfs::cli {

class ForkGate {
public:
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        world::LiveTasks& tasks;
        interface::CgroupFs& cgroup_fs;
        std::function<void()> flush;  ///< delivers effects
        std::function<meter::Follower*()> follower;  ///< nullptr: nobody is followed
    };
    explicit ForkGate(Parts parts) : parts_(std::move(parts)) {}

    /// `caller` is a thread; `into` the v2 group that the child shall be in. EAGAIN: pids.max; for
    /// `into` Engine::may_fork_into()'s, and EPERM where a child cannot be told its group.
    Result<void> may_fork(std::int32_t caller, bool thread, std::optional<engine::CgroupId> into);

private:
    using Clock = std::chrono::steady_clock;

    struct Granted {
        std::int32_t parent = 0;
        std::int32_t grandparent = 0;  ///< CLONE_PARENT
        bool thread = false;
        std::uint32_t threads = 0;     ///< of the parent, before
        std::set<std::int32_t> known;  ///< all processes, before
        engine::CgroupId group;        ///< where the child counts
        Clock::time_point at;
    };

    Result<void> try_fork(const world::ProcessInfo& caller, bool thread, engine::CgroupId group);
    /// Nothing: granted. Else the group whose limit is in the way.
    std::optional<engine::CgroupId> charge(engine::CgroupId group);
    void settle();
    bool shows(const Granted& fork, const std::vector<world::ProcessInfo>& now) const;
    /// Where the caller's child counts; nothing if no hierarchy here counts.
    std::optional<engine::CgroupId> counting_group(const world::ProcessInfo& caller,
                                                   std::optional<engine::CgroupId> into);
    Result<void> lend(const world::ProcessInfo& caller, engine::CgroupId into);

    Parts parts_;
    std::vector<Granted> granted_;
    std::vector<world::ProcessInfo> lent_;  ///< whose children are elsewhere
};

}  // namespace memcgfs::cli
