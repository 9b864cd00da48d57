// SPDX-License-Identifier: MIT
#include "engine/throttle.h"

#include <algorithm>

#include "engine/members.h"
#include "engine/psi.h"
#include "engine/reclaim.h"

namespace memcgfs::engine {

namespace {

constexpr std::uint64_t kMaxDelaySeconds = 2;

/// Reclaims once on each group from `memcg` up that is over its high; counts the event.
Coro<Pages> reclaim_high(Engine::State& state, OpContext& op, Memcg& memcg, Pages want) {
    Pages freed{};
    const MemcgPin pin(memcg);
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        if (level->memory.usage() <= level->memory.high()) {
            continue;
        }
        state.event(*level, MemcgEvent::kHigh);
        const ReclaimRequest request{.root = *level, .pages = want};
        const PsiMemoryStall stall(state, op);
        const Nanos begin = op.time();
        freed += co_await try_to_free_mem_cgroup_pages(state, op, request);
        note_direct_reclaim(*level, op.time() - begin);
    }
    co_return freed;
}

std::uint64_t delay_of(Engine::State& state, Memcg& memcg, Pages pages) {
    std::uint64_t memory_overage = 0;
    std::uint64_t swap_overage = 0;
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        memory_overage =
            std::max(memory_overage, high_overage(level->memory.usage(), level->memory.high()));
        const std::uint64_t swap = high_overage(level->swap.usage(), level->swap.high());
        if (swap > 0) {
            state.event(*level, MemcgEvent::kSwapHigh);
        }
        swap_overage = std::max(swap_overage, swap);
    }
    const std::uint32_t hz = state.hz();
    const Pages batch = state.profile().charge_batch;
    const std::uint64_t ticks = high_delay_ticks(memory_overage, pages, batch, hz) +
                                high_delay_ticks(swap_overage, pages, batch, hz);
    return std::min<std::uint64_t>(ticks, kMaxDelaySeconds * hz);
}

}  // namespace

std::uint64_t high_overage(Pages usage, Pages high) {
    constexpr unsigned kPrecisionShift = 20;
    if (usage <= high) {
        return 0;
    }
    const std::uint64_t divisor = std::max<std::uint64_t>(high.count(), 1);
    return ((usage - high).count() << kPrecisionShift) / divisor;
}

std::uint64_t high_delay_ticks(std::uint64_t overage, Pages pages, Pages batch,
                               std::uint32_t ticks_per_second) {
    constexpr unsigned kPrecisionShift = 20;
    constexpr unsigned kScalingShift = 14;
    const std::uint64_t penalty =
        ((overage * overage * ticks_per_second) >> kPrecisionShift) >> kScalingShift;
    return penalty * pages.count() / batch.count();
}

namespace {

/// Counted in ticks; a signal that kills ends it.
Coro<void> sleep_off(Engine::State& state, OpContext& op, std::uint64_t ticks) {
    const auto tick = Nanos{1'000'000'000 / state.hz()};
    const Nanos until = op.clock->now() + tick * static_cast<std::int64_t>(ticks);
    const Task* task = state.tasks.find(op.task);
    const PsiMemoryStall stall(state, op);
    const PsiSleeping sleeping(state, op);
    while (op.clock->now() < until && !op.signal_pending && task != nullptr && !task->dying) {
        co_await pause({Step::Kind::kSleep, until});
        task = state.tasks.find(op.task);
    }
}

Coro<OperationResult> high_work(Engine::State& state, OpContext& op, MemcgId id) {
    Memcg* memcg = state.memcgs.find(id);
    if (memcg == nullptr) {
        co_return std::uint64_t{0};
    }
    const MemcgPin pin(*memcg);
    memcg->high_work_pending = false;
    co_await reclaim_high(state, op, *memcg, state.profile().charge_batch);
    co_return std::uint64_t{0};
}

}  // namespace

void queue_high_work(Engine::State& state, Memcg& memcg) {
    if (memcg.high_work_pending) {
        return;
    }
    memcg.high_work_pending = true;
    state.emit(SpawnEffect{state.make_operation(
        "memcg_high",
        [&state, id = memcg.id()](OpContext& op) { return high_work(state, op, id); })});
}

bool is_over_high(const Engine::State& state, const OpContext& op) {
    const Task* task = state.tasks.find(op.task);
    return task != nullptr && task->over_high > Pages{0};
}

Coro<void> handle_over_high(Engine::State& state, OpContext& op) {
    if (!is_over_high(state, op)) {
        co_return;
    }
    Task* task = state.tasks.find(op.task);
    const Pages charged = task->over_high;
    task->over_high = Pages{0};
    Memcg& memcg = charged_memcg(state, *task);
    const MemcgPin pin(memcg);
    std::uint32_t retries = state.profile().reclaim_retries;
    Pages want = charged;
    for (;;) {
        task = state.tasks.find(op.task);
        if (state.profile().dying_task_skips_high && (task == nullptr || task->dying)) {
            co_return;
        }
        const Pages freed = co_await reclaim_high(state, op, memcg, want);
        if (!state.profile().high_sleeps) {
            co_return;
        }
        const std::uint64_t ticks = delay_of(state, memcg, charged);
        if (ticks <= state.hz() / 100) {
            co_return;
        }
        if (freed == Pages{0} && retries == 0) {
            state.trace(TraceEvent::Kind::kThrottle, memcg, ticks);
            co_await sleep_off(state, op, ticks);
            co_return;
        }
        retries -= freed == Pages{0} ? 1 : 0;
        want = kSwapClusterMax;
    }
}

}  // namespace memcgfs::engine
