// SPDX-License-Identifier: MIT
//
// What the parts of cpuset share (kernel/cgroup/cpuset.c).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// What is set in a group, or what holds where nothing is.
CpusetState cpuset_of(const Cgroup& group);
/// The same, to be changed.
CpusetState& own_cpuset(Cgroup& group);

/// The group itself or the nearest one above that has a cpuset.
const Cgroup& cpuset_group(const Cgroup& group);

IdSet cpus_of_machine(const Engine::State& state);

/// What members may use: without what partitions have taken.
IdSet effective_cpus_of(const Engine::State& state, const Cgroup& group);

/// Writes cpuset.cpus, which may be; partitions follow.
void set_cpus(const Engine::State& state, Cgroup& group, const IdSet& cpus);

}  // namespace memcgfs::engine
