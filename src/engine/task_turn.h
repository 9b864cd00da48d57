// SPDX-License-Identifier: MIT
//
// A task has one operation at a time: a kill could wake only one.
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Begin and end of every operation of a task: a killed task ends when its operation does. EBUSY:
/// another one is under way. EINTR: the task is dying, or has gone.
Coro<OperationResult> as_task(Engine::State& state, OpContext& op, Coro<OperationResult> body);

/// Waits until no operation of the task is under way: its threads read and write files side by
/// side. EINTR.
Coro<Result<void>> wait_for_turn(Engine::State& state, OpContext& op);

}  // namespace memcgfs::engine
