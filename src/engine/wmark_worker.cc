// SPDX-License-Identifier: MIT
#include "engine/wmark_worker.h"

#include <algorithm>

#include "engine/psi.h"
#include "engine/reclaim.h"

namespace memcgfs::engine {

namespace {

/// One run of the work item: a single reclaim call towards wmark_low (alibaba-wmark.md 3.5).
Coro<void> run_once(Engine::State& state, OpContext& op, Memcg& memcg) {
    const auto above_low =
        static_cast<std::int64_t>((memcg.memory.usage() - memcg.wmark.levels.low).count());
    if (memcg.memory.usage() < memcg.wmark.levels.low || above_low <= 0) {
        co_return;
    }
    const Nanos begin = op.clock->now();
    ReclaimRequest request{
        .root = memcg,
        .pages = std::max(kSwapClusterMax, Pages{static_cast<std::uint64_t>(above_low)})};
    request.background = true;
    memcg.wmark.runs++;
    const PsiMemoryStall stall(state, op);  // the worker's: the machine's, not the group's
    const Pages freed = co_await try_to_free_mem_cgroup_pages(state, op, request);
    state.trace(TraceEvent::Kind::kWmarkRun, memcg, request.pages.count(), freed.count());
    const Nanos spent = std::max(op.busy_until, op.clock->now()) - begin;
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        level->wmark.reclaim_time += spent;
    }
}

Coro<OperationResult> wmark_work(Engine::State& state, OpContext& op, MemcgId id) {
    Memcg* memcg = state.memcgs.find(id);
    if (memcg == nullptr) {
        co_return std::uint64_t{0};
    }
    const MemcgPin pin(*memcg);
    memcg->wmark.running = true;
    while (memcg->wmark.pending) {
        memcg->wmark.pending = false;
        co_await run_once(state, op, *memcg);
    }
    memcg->wmark.running = false;
    co_return std::uint64_t{0};
}

}  // namespace

void queue_wmark_work(Engine::State& state, Memcg& memcg) {
    if (memcg.wmark.pending) {
        return;
    }
    memcg.wmark.pending = true;
    state.trace(TraceEvent::Kind::kWmarkQueue, memcg, memcg.memory.usage().count());
    if (memcg.wmark.running) {
        return;
    }
    const MemcgId id = memcg.id();
    memcg.wmark.running = true;  // until the new operation ends
    state.emit(SpawnEffect{state.make_operation(
        "memcg_wmark", [&state, id](OpContext& op) { return wmark_work(state, op, id); })});
}

void kick_wmark(Engine::State& state, Memcg& memcg) {
    if (state.profile().wmark && memcg.memory.usage() >= memcg.wmark.levels.high) {
        queue_wmark_work(state, memcg);
    }
}

void recompute_wmark(Engine::State& state, Memcg& memcg) {
    if (!state.profile().wmark || memcg.is_root()) {
        return;
    }
    memcg.wmark.levels = compute_wmark({.max = memcg.memory.max(),
                                        .high = memcg.memory.high(),
                                        .ratio_percent = memcg.wmark.ratio_percent,
                                        .scale_factor = memcg.wmark.scale_factor});
}

}  // namespace memcgfs::engine
