// SPDX-License-Identifier: MIT
//
// Which hierarchies there are, and which has which controller (cgroup_setup_root, 6.1).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// Fills in state.hierarchies and their roots, from the environment. Once, at the beginning.
void make_hierarchies(Engine::State& state);

/// The task's v2 group.
Cgroup* unified_group(const Engine::State& state, const Task& task);

}  // namespace memcgfs::engine
