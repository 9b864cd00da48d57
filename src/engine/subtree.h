// SPDX-License-Identifier: MIT
//
// What a v2 group hands out to its children, and a memcg's beginning and end.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// Controllers whose distribution forbids members of their own (no internal processes).
inline constexpr ControllerMask kDomainControllers =
    mask_of(Controller::kIo) | mask_of(Controller::kMemory) | mask_of(Controller::kHugetlb) |
    mask_of(Controller::kRdma) | mask_of(Controller::kMisc);
/// Controllers that tell threads apart.
inline constexpr ControllerMask kThreadedControllers =
    mask_of(Controller::kCpuset) | mask_of(Controller::kCpu) | mask_of(Controller::kPids);

/// Root of a subtree of threaded groups, or about to be: members beside controllers for threads.
bool is_thread_root(const Cgroup& group);
/// It may have threaded groups below it.
bool can_be_thread_root(const Cgroup& group);
/// Not a group left over between threaded ones: it may have members and hand out controllers.
bool is_valid_domain(const Cgroup& group);
/// The nearest group that is no threaded one.
const Cgroup& domain_of(const Cgroup& group);

/// False when all memcg ids are taken: by groups, and by removed ones that still own swap slots.
bool memcg_id_left(const Engine::State& state);

/// Gives the group a fresh memcg.
void online_css(Engine::State& state, Cgroup& group);
/// Takes it away: its pages stay charged to the nameless rest (mem_cgroup_css_offline).
void offline_css(Engine::State& state, Cgroup& group);

}  // namespace memcgfs::engine
