// SPDX-License-Identifier: MIT
//
// v1's move_charge_at_immigrate: a process takes its charges along into another group
// (mem_cgroup_can_attach to mem_cgroup_clear_mc, mm/memcontrol.c, 6.1; spec engine.md 7.6).
#pragma once

#include <functional>

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Bits of move_charge_at_immigrate.
inline constexpr std::uint64_t kMoveAnon = 1;  ///< private memory and its swap slots
inline constexpr std::uint64_t kMoveFile = 2;  ///< cache and shmem of the process's mappings

struct ChargeMove {
    TaskId task;
    CgroupId to;
    std::uint64_t mask = 0;  ///< of the group it goes to
    std::vector<Engine::FileRegion> files{};
};

/// Charges the new group for what would come along, first in one piece and without reclaim, then
/// page by page. ENOMEM: there is no room, nothing has changed. ESRCH, ENODEV: the process or the
/// group has gone meanwhile. Then `attach` makes it a member, and the charges change hands.
Coro<OperationResult> attach_with_charges(Engine::State& state, OpContext& op, ChargeMove move,
                                          std::function<Result<void>()> attach);

/// True if the operation had to wait for the end of a move that will make, or take, room in
/// `over` (mem_cgroup_wait_acct_move).
Coro<bool> wait_for_charge_move(Engine::State& state, OpContext& op, const Memcg& over);

}  // namespace memcgfs::engine
