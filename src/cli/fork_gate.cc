// SPDX-License-Identifier: MIT
#include "cli/fork_gate.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace memcgfs::cli {
namespace {

/// Longer than a fork takes that has been granted; it is waited for only at a limit.
constexpr std::chrono::milliseconds kForkTakes{50};
constexpr std::chrono::microseconds kLookAgain{200};

}  // namespace

Result<void> ForkGate::may_fork(std::int32_t caller, bool thread,
                                std::optional<engine::CgroupId> into) {
    bool counts = false;
    {
        const MutexLock lock(parts_.engine_mutex);
        counts = parts_.engine.limits_pids();
    }
    if (!counts && !into && lent_.empty()) {
        return {};
    }
    const world::ProcessInfo process = MEMCGFS_TRY(parts_.tasks.find(caller, caller));
    const auto lent = std::find_if(lent_.begin(), lent_.end(),
                                   [&](const auto& each) { return each.pid == process.pid; });
    if (lent != lent_.end()) {
        lent_.erase(lent);
        // Where it is now: it may have been moved since.
        MEMCGFS_TRY(parts_.tasks.set_css_set(process.pid, process.css_set));
    }
    if (into) {
        parts_.cgroup_fs.refresh();  // members decide what kind of group it is
        const MutexLock lock(parts_.engine_mutex);
        MEMCGFS_TRY(parts_.engine.may_fork_into(*into));
    }
    if (const auto group = counts ? counting_group(process, into) : std::nullopt) {
        MEMCGFS_TRY(try_fork(process, thread, *group));
    }
    return into ? lend(process, *into) : Result<void>{};
}

std::optional<engine::CgroupId> ForkGate::counting_group(const world::ProcessInfo& caller,
                                                         std::optional<engine::CgroupId> into) {
    const MutexLock lock(parts_.engine_mutex);
    const engine::Task* const thread = parts_.engine.find_thread(caller.pid, caller.tid);
    const engine::Membership groups =
        thread != nullptr ? thread->groups : parts_.engine.css_set(caller.css_set);
    for (const engine::Hierarchy* hierarchy : parts_.engine.hierarchies()) {
        if (hierarchy->has(engine::Controller::kPids)) {
            return hierarchy->is_v2() && into ? *into : groups.in(hierarchy->id);
        }
    }
    return std::nullopt;
}

Result<void> ForkGate::try_fork(const world::ProcessInfo& caller, bool thread,
                                engine::CgroupId group) {
    for (;;) {
        settle();
        // After settling: a child that comes to show in between counts twice, and not never.
        parts_.cgroup_fs.refresh();
        const std::optional<engine::CgroupId> over = charge(group);
        if (!over) {
            break;
        }
        if (granted_.empty()) {
            {
                const MutexLock lock(parts_.engine_mutex);
                engine::Cgroup* const forker = parts_.engine.find(group);
                engine::Cgroup* const limit = parts_.engine.find(*over);
                if (forker != nullptr && limit != nullptr) {
                    parts_.engine.note_refused_fork(*forker, *limit);
                }
            }
            parts_.flush();
            return Err(Errno::kEAGAIN);
        }
        std::this_thread::sleep_for(kLookAgain);
    }
    Granted fork{.parent = caller.pid,
                 .grandparent = caller.parent,
                 .thread = thread,
                 .threads = caller.threads,
                 .known = {},
                 .group = group,
                 .at = Clock::now()};
    for (const world::ProcessInfo& process : parts_.tasks.snapshot()) {
        fork.known.insert(process.pid);
    }
    granted_.push_back(std::move(fork));
    return {};
}

std::optional<engine::CgroupId> ForkGate::charge(engine::CgroupId group) {
    std::vector<engine::CgroupId> pending;
    pending.reserve(granted_.size());
    for (const Granted& fork : granted_) {
        pending.push_back(fork.group);
    }
    const MutexLock lock(parts_.engine_mutex);
    engine::Cgroup* const forker = parts_.engine.find(group);
    const engine::Cgroup* const over =
        forker != nullptr ? parts_.engine.try_charge_pids(*forker, pending) : nullptr;
    return over != nullptr ? std::optional(over->id) : std::nullopt;
}

void ForkGate::settle() {
    if (granted_.empty()) {
        return;
    }
    const std::vector<world::ProcessInfo> now = parts_.tasks.snapshot();
    const Clock::time_point begun = Clock::now() - kForkTakes;
    std::erase_if(granted_,
                  [&](const Granted& fork) { return fork.at < begun || shows(fork, now); });
}

bool ForkGate::shows(const Granted& fork, const std::vector<world::ProcessInfo>& now) const {
    bool parent_lives = false;
    for (const world::ProcessInfo& process : now) {
        if (process.pid == fork.parent) {
            parent_lives = !process.zombie;
            if (fork.thread && process.threads > fork.threads) {
                return true;
            }
        } else if (!fork.thread && !fork.known.contains(process.pid) &&
                   (process.parent == fork.parent || process.parent == fork.grandparent)) {
            return true;
        }
    }
    return !parent_lives;
}

Result<void> ForkGate::lend(const world::ProcessInfo& caller, engine::CgroupId into) {
    std::uint32_t css_set = 0;
    {
        const MutexLock lock(parts_.engine_mutex);
        const engine::Cgroup* const group = parts_.engine.find(into);
        if (group == nullptr) {
            return Err(Errno::kENODEV);
        }
        engine::Membership groups = parts_.engine.css_set(caller.css_set);
        groups[group->hierarchy->id] = into;
        css_set = parts_.engine.css_set_of(groups);
    }
    // DEVIATION(child-of-another-user): the child could not be tagged.
    MEMCGFS_TRY(parts_.tasks.lend_css_set(caller.pid, css_set));
    if (auto* const follower = parts_.follower()) {
        follower->attend(caller.pid);
    }
    lent_.push_back(caller);
    return {};
}

}  // namespace memcgfs::cli
