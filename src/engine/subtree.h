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

/// False when all memcg ids are taken: by groups, and by removed ones that still own swap slots.
bool memcg_id_left(const Engine::State& state);

/// Gives the group a fresh memcg.
void online_css(Engine::State& state, Cgroup& group);
/// Takes it away: its pages stay charged to the nameless rest (mem_cgroup_css_offline).
void offline_css(Engine::State& state, Cgroup& group);

}  // namespace memcgfs::engine
