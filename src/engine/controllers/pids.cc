// SPDX-License-Identifier: MIT
//
// pids (kernel/cgroup/pids.c, 6.1 and 6.12).
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

/// The group that counts for members of `group`: the nearest with the controller.
Cgroup& counting_group(Cgroup& group) {
    Cgroup* at = &group;
    while (!at->is_root() && (controllers_of(*at) & mask_of(Controller::kPids)) == 0) {
        at = at->parent;
    }
    return *at;
}

bool is_below(const Cgroup& group, const Cgroup& ancestor) {
    const Cgroup* at = &group;
    while (at != nullptr && at != &ancestor) {
        at = at->parent;
    }
    return at != nullptr;
}

std::uint64_t count_below(const Engine::State& state, const Cgroup& group,
                          std::span<const CgroupId> members_of) {
    std::uint64_t count = 0;
    for (const CgroupId id : members_of) {
        const Cgroup* member_of = state.cgroups.find(id);
        count += member_of != nullptr && is_below(*member_of, group) ? 1 : 0;
    }
    return count;
}

std::uint64_t charged(const Engine::State& state, const Cgroup& group) {
    return threads_of(state, group) + count_below(state, group, state.zombies);
}

/// Else pids.events tells of the members' own forks alone.
bool pids_events_hierarchical(const Engine::State& state, const Cgroup& group) {
    return group.is_v2() && state.profile().pids_events_hierarchical &&
           !state.environment.mount_flags.pids_localevents;
}

void keep_peak(Cgroup& group, std::uint64_t threads) {
    if (threads > group.states.get<&ControllerStates::pids>().peak) {
        group.states.set<&ControllerStates::pids>().peak = threads;
    }
}

}  // namespace

std::uint64_t Engine::pids_current(Cgroup& group) {
    const std::uint64_t now = charged(*state_, group);
    keep_peak(group, now);
    return now;
}

void Engine::set_zombies(std::span<const std::uint32_t> css_sets) {
    state_->zombies.clear();
    for (const Hierarchy& hierarchy : state_->hierarchies) {
        if (hierarchy.root == nullptr || !hierarchy.has(Controller::kPids)) {
            continue;
        }
        for (const std::uint32_t number : css_sets) {
            state_->zombies.push_back(css_set(number).in(hierarchy.id));
        }
    }
}

void Engine::set_pids_max(Cgroup& group, std::uint64_t max) {
    group.states.set<&ControllerStates::pids>().max = max;
    state_->pids_limited = true;
}

bool Engine::limits_pids() const { return state_->pids_limited; }

Cgroup* Engine::try_charge_pids(Cgroup& forker, std::span<const CgroupId> pending) {
    // From below, as pids_try_charge() goes: what it has charged until it fails is in the peaks.
    for (Cgroup* level = &counting_group(forker); !level->is_root(); level = level->parent) {
        const std::uint64_t threads =
            charged(*state_, *level) + 1 + count_below(*state_, *level, pending);
        if (threads > level->states.get<&ControllerStates::pids>().max) {
            return level;
        }
        keep_peak(*level, threads);
    }
    return nullptr;
}

void Engine::note_refused_fork(Cgroup& forker, Cgroup& over) {
    Cgroup& own = counting_group(forker);
    PidsState& counts = own.states.set<&ControllerStates::pids>();
    if (++counts.refused_members == 1) {
        state_->log("cgroup: fork rejected by pids controller in " + path(own));
    }
    if (!pids_events_hierarchical(*state_, own)) {
        state_->notify(own, NotifyFile::kPidsEvents);
        return;
    }
    over.states.set<&ControllerStates::pids>().refused_here++;
    state_->notify(over, NotifyFile::kPidsEventsLocal);
    for (Cgroup* level = &over; !level->is_root(); level = level->parent) {
        level->states.set<&ControllerStates::pids>().refused_below++;
        state_->notify(*level, NotifyFile::kPidsEvents);
    }
}

Engine::RefusedForks Engine::refused_forks(const Cgroup& group) const {
    const PidsState counts = group.states.get<&ControllerStates::pids>();
    if (!pids_events_hierarchical(*state_, group)) {
        return {counts.refused_members, counts.refused_members};
    }
    return {counts.refused_below, counts.refused_here};
}

}  // namespace memcgfs::engine
