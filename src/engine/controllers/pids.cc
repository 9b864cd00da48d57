// SPDX-License-Identifier: MIT
//
// pids (kernel/cgroup/pids.c, 6.1).
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

}  // namespace

std::uint64_t Engine::pids_current(Cgroup& group) {
    const std::uint64_t now = threads_of(*state_, group);
    if (now > group.states.get<&ControllerStates::pids>().peak) {
        group.states.set<&ControllerStates::pids>().peak = now;
    }
    return now;
}

}  // namespace memcgfs::engine
