// SPDX-License-Identifier: MIT
#include "engine/oom_wait.h"

#include <algorithm>

#include "engine/notify.h"
#include "engine/psi.h"

namespace memcgfs::engine {

namespace {

void mark_under_oom(Memcg& memcg) {
    for (Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        level->under_oom++;
    }
}

/// Groups made meanwhile never counted this task: they stay at zero.
void unmark_under_oom(Memcg& memcg) {
    for (Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        level->under_oom -= level->under_oom > 0 ? 1 : 0;
    }
}

}  // namespace

bool oom_trylock(Memcg& memcg) {
    for (Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        if (level->oom_lock) {
            return false;
        }
    }
    for (Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        level->oom_lock = true;
    }
    return true;
}

void oom_unlock(Memcg& memcg) {
    for (Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        level->oom_lock = false;
    }
}

void oom_notify(Engine::State& state, Memcg& memcg) {
    for (Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        state.trace(TraceEvent::Kind::kOomNotify, *level);
        tick_oom_events(state, *level);
    }
}

Coro<bool> oom_synchronize(Engine::State& state, OpContext& op) {
    Task* task = state.tasks.find(op.task);
    if (task == nullptr || !task->memcg_in_oom) {
        co_return false;
    }
    Memcg* domain = state.memcgs.find(task->memcg_in_oom);
    task->memcg_in_oom = {};
    if (domain == nullptr || task->dying) {
        co_return false;
    }
    const MemcgPin pin(*domain);
    state.oom_waiters.push_back({op.id, domain});
    mark_under_oom(*domain);
    const bool locked = oom_trylock(*domain);
    if (locked) {
        oom_notify(state, *domain);
    }
    {
        const PsiSleeping sleeping(state, op);
        co_await pause({Step::Kind::kWait, {}});
    }
    unmark_under_oom(*domain);
    std::erase_if(state.oom_waiters, [&](const Engine::State::OomWaiter& waiter) {
        return waiter.operation == op.id;
    });
    if (locked) {
        oom_unlock(*domain);
    }
    co_return true;
}

void oom_recover(Engine::State& state, const Memcg& memcg) {
    if (memcg.under_oom == 0) {
        return;
    }
    for (Engine::State::OomWaiter& waiter : state.oom_waiters) {
        if (!waiter.woken && (memcg.is_descendant_of(*waiter.memcg) ||
                              waiter.memcg->is_descendant_of(memcg))) {
            waiter.woken = true;
            state.emit(WakeEffect{waiter.operation});
        }
    }
}

}  // namespace memcgfs::engine
