// SPDX-License-Identifier: MIT
//
// Writes to limits and reclaim knobs (mm/memcontrol.c, 6.1; spec engine.md 7.1-7.3).
#include "engine/limit.h"

#include <algorithm>

#include "engine/charge.h"
#include "engine/oom.h"
#include "engine/oom_wait.h"
#include "engine/reclaim.h"
#include "engine/reparent.h"
#include "engine/wmark_worker.h"

namespace memcgfs::engine {

namespace {

PageCounter& counter_of(Memcg& memcg, CounterKind kind) {
    return kind == CounterKind::kMemsw ? memcg.memsw : memcg.memory;
}

/// limit <= memsw.limit at all times.
bool in_order(const Memcg& memcg, LimitRequest request) {
    return request.kind == CounterKind::kMemsw ? request.max >= memcg.memory.max()
                                               : request.max <= memcg.memsw.max();
}

void after_limit(Engine::State& state, Memcg& memcg) {
    recompute_wmark(state, memcg);
    kick_wmark(state, memcg);
}

/// memory.stat shows the least limit of the group and those above.
void content_changed_below(const Engine::State& state, Memcg& memcg) {
    Memcg* below = state.content_watched ? &memcg : nullptr;
    while (below != nullptr) {
        below->content_changed();
        below = next_in_subtree(memcg, *below);
    }
}

}  // namespace

bool resize_limit_at_once(Engine::State& state, Memcg& memcg, LimitRequest request) {
    PageCounter& counter = counter_of(memcg, request.kind);
    const bool enlarges = request.max > counter.max();
    if (!in_order(memcg, request) || !counter.try_set_max(request.max)) {
        return false;
    }
    after_limit(state, memcg);
    content_changed_below(state, memcg);
    if (enlarges) {
        oom_recover(state, memcg);
    }
    return true;
}

bool set_at_once(Engine::State& state, Memcg& memcg, void (PageCounter::*set)(Pages), Pages value) {
    if (memcg.memory.usage() > value) {
        return false;
    }
    (memcg.memory.*set)(value);
    after_limit(state, memcg);
    return true;
}

Coro<OperationResult> resize_limit(Engine::State& state, OpContext& op, Memcg& memcg,
                                   LimitRequest request) {
    bool drained = false;
    for (;;) {
        if (op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        if (!in_order(memcg, request)) {
            co_return Err(Errno::kEINVAL);
        }
        if (resize_limit_at_once(state, memcg, request)) {
            co_return std::uint64_t{0};
        }
        if (!drained) {
            drain_all_stock(state, memcg);
            drained = true;
            continue;
        }
        ReclaimRequest reclaim{.root = memcg, .pages = Pages{1}};
        reclaim.may_swap = request.kind != CounterKind::kMemsw;
        const Pages freed = co_await try_to_free_mem_cgroup_pages(state, op, reclaim);
        if (freed == Pages{0}) {
            co_return Err(Errno::kEBUSY);
        }
    }
}

Coro<OperationResult> write_memory_max(Engine::State& state, OpContext& op, Memcg& memcg,
                                       Pages max) {
    memcg.memory.set_max(max);
    bool drained = false;
    std::uint32_t retries = state.profile().reclaim_retries;
    const bool yields = state.profile().limit_write_yields;
    while (memcg.memory.usage() > max && (!yields || memcg.memory.max() == max) &&
           !op.signal_pending) {
        if (!drained) {
            drain_all_stock(state, memcg);
            drained = true;
            continue;
        }
        if (retries > 0) {
            const ReclaimRequest request{.root = memcg, .pages = memcg.memory.usage() - max};
            const Pages freed = co_await try_to_free_mem_cgroup_pages(state, op, request);
            retries -= freed == Pages{0} ? 1 : 0;
            continue;
        }
        if (memcg.memory.max() != max) {
            break;  // nobody is killed for a limit that is no more
        }
        state.event(memcg, MemcgEvent::kOom);
        if (!oom_kill(state, op, {memcg, Pages{1}})) {
            break;
        }
        co_await state.tick(op);
    }
    after_limit(state, memcg);
    co_return std::uint64_t{0};
}

Coro<OperationResult> write_memory_high(Engine::State& state, OpContext& op, Memcg& memcg,
                                        Pages high) {
    memcg.memory.set_high(high);
    bool drained = false;
    std::uint32_t retries = state.profile().reclaim_retries;
    const bool yields = state.profile().limit_write_yields;
    while (memcg.memory.usage() > high && (!yields || memcg.memory.high() == high) &&
           !op.signal_pending) {
        if (!drained) {
            drain_all_stock(state, memcg);
            drained = true;
            continue;
        }
        const ReclaimRequest request{.root = memcg, .pages = memcg.memory.usage() - high};
        const Pages freed = co_await try_to_free_mem_cgroup_pages(state, op, request);
        if (freed == Pages{0} && retries-- == 0) {
            break;
        }
    }
    after_limit(state, memcg);
    co_return std::uint64_t{0};
}

Coro<OperationResult> write_memory_reclaim(Engine::State& state, OpContext& op, Memcg& memcg,
                                           ProactiveRequest proactive) {
    std::uint32_t retries = state.profile().reclaim_retries;
    Pages done{};
    while (done < proactive.pages) {
        if (op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        const Pages left = proactive.pages - done;
        ReclaimRequest request{
            .root = memcg, .pages = state.profile().proactive_asks_for_quarter ? left / 4 : left};
        request.proactive = true;
        request.swappiness = proactive.swappiness;
        const Pages freed = co_await try_to_free_mem_cgroup_pages(state, op, request);
        if (freed == Pages{0} && retries-- == 0) {
            co_return Err(Errno::kEAGAIN);
        }
        done += freed;
    }
    co_return std::uint64_t{0};
}

Coro<OperationResult> write_force_empty(Engine::State& state, OpContext& op, Memcg& memcg) {
    drain_all_stock(state, memcg);
    std::uint32_t retries = state.profile().reclaim_retries;
    while (memcg.memory.usage() > Pages{0} && retries > 0) {
        if (op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        const ReclaimRequest request{.root = memcg, .pages = Pages{1}};
        const Pages freed = co_await try_to_free_mem_cgroup_pages(state, op, request);
        retries -= freed == Pages{0} ? 1 : 0;
    }
    if (state.profile().charges_go_to_parent) {
        reparent_charges(state, memcg);
    }
    co_return std::uint64_t{0};
}

}  // namespace memcgfs::engine
