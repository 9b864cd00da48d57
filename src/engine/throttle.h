// SPDX-License-Identifier: MIT
//
// memory.high's throttle (mem_cgroup_handle_over_high, mm/memcontrol.c, 6.1; spec 2.5).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// overage, in 2^-20 of high: ((use - high) << 20) / max(high, 1); 0 below high.
std::uint64_t high_overage(Pages usage, Pages high);

/// Ticks to sleep for `pages` charged at `overage`, of which a `batch` costs the square of the
/// overage in seconds; wraps as the kernel's arithmetic does.
std::uint64_t high_delay_ticks(std::uint64_t overage, Pages pages, Pages batch,
                               std::uint32_t ticks_per_second);

/// Charges that no task can be blamed for: a kernel thread reclaims for the group and those above
/// it that are over their high (high_work_func). Already queued: nothing.
void queue_high_work(Engine::State& state, Memcg& memcg);

/// True if handle_over_high() would do something for the task of `op`.
bool is_over_high(const Engine::State& state, const OpContext& op);

/// On the way back to user mode: reclaims for every group over its high, then sleeps if that did
/// not help. Does nothing when the task has charged nothing over high.
Coro<void> handle_over_high(Engine::State& state, OpContext& op);

}  // namespace memcgfs::engine
