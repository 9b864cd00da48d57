// SPDX-License-Identifier: MIT
#include "engine/task_turn.h"

#include "engine/members.h"
#include "engine/psi.h"

namespace memcgfs::engine {

namespace {

/// How often a thread looks whether another's operation has ended.
constexpr Nanos kTurnPoll = from_millis(1);

}  // namespace

Coro<Result<void>> wait_for_turn(Engine::State& state, OpContext& op) {
    for (;;) {
        const Task* task = state.tasks.find(op.task);
        if (task == nullptr || task->dying || op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        if (task->operation == OperationId{}) {
            co_return Result<void>{};
        }
        co_await pause({Step::Kind::kSleep, op.clock->now() + kTurnPoll});
    }
}

Coro<OperationResult> as_task(Engine::State& state, OpContext& op, Coro<OperationResult> body) {
    Task* task = state.tasks.find(op.task);
    if (task == nullptr || task->dying) {
        co_return Err(Errno::kEINTR);
    }
    if (task->operation != OperationId{}) {
        co_return Err(Errno::kEBUSY);  // a kill could wake only one of them
    }
    task->operation = op.id;
    const PsiRunning running(state, op);
    OperationResult result = co_await body;
    task = state.tasks.find(op.task);
    if (task != nullptr) {
        task->operation = {};
        if (task->dying) {
            release_task(state, op.task);
            co_return Err(Errno::kEINTR);
        }
    }
    co_return result;
}

}  // namespace memcgfs::engine
