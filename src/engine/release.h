// SPDX-License-Identifier: MIT
//
// Release agents of v1 hierarchies: a program that is told of groups that have become empty
// (kernel/cgroup/cgroup-v1.c, 6.1). The engine says so by an effect; who runs it is not its affair.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// The group has lost a member or a child: if it is empty now and wants it, its agent is to run
/// (cgroup1_check_for_release).
void check_for_release(Engine::State& state, const Cgroup& group);

/// The group has a member, or has had the flag or its agent set: somebody may have to listen for
/// the end of its members.
void await_members(Engine::State& state, const Cgroup& group);

}  // namespace memcgfs::engine
