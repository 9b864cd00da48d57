// SPDX-License-Identifier: MIT
//
// pids (kernel/cgroup/pids.c, 6.1).
#include <algorithm>

#include "engine/state.h"

namespace memcgfs::engine {

namespace {

std::uint64_t threads_of(const Engine::State& state, const Cgroup& group) {
    std::uint64_t threads = 0;
    for (const TaskId id : group.tasks) {
        threads += state.tasks.find(id)->info.threads;
    }
    for (const Cgroup* child : group.children) {
        threads += threads_of(state, *child);
    }
    return threads;
}

const Hierarchy* pids_hierarchy(const Engine::State& state) {
    for (const Hierarchy& hierarchy : state.hierarchies) {
        if (hierarchy.has(Controller::kPids)) {
            return &hierarchy;
        }
    }
    return nullptr;
}

}  // namespace

std::uint64_t Engine::pids_current(Cgroup& group) {
    const std::uint64_t now = threads_of(*state_, group);
    if (now > group.states.get<&ControllerStates::pids>().peak) {
        group.states.set<&ControllerStates::pids>().peak = now;
    }
    return now;
}

Result<void> Engine::may_fork(const Task& task) {
    const Hierarchy* hierarchy = pids_hierarchy(*state_);
    Cgroup* own =
        hierarchy == nullptr ? nullptr : state_->cgroups.find(task.groups.in(hierarchy->id));
    for (Cgroup* level = own; level != nullptr && !level->is_root(); level = level->parent) {
        const auto* pids = level->states.find<&ControllerStates::pids>();
        if (pids == nullptr || pids_current(*level) < pids->max) {
            continue;
        }
        own->states.set<&ControllerStates::pids>().forks_refused++;
        level->states.set<&ControllerStates::pids>().limit_hits_local++;
        for (Cgroup* above = level; !above->is_root(); above = above->parent) {
            above->states.set<&ControllerStates::pids>().limit_hits++;
        }
        return Err(Errno::kEAGAIN);
    }
    return {};
}

}  // namespace memcgfs::engine
