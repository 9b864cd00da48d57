// SPDX-License-Identifier: MIT
#include "engine/charge.h"

#include <algorithm>

#include "engine/move_charge.h"
#include "engine/notify.h"
#include "engine/oom.h"
#include "engine/psi.h"
#include "engine/reclaim.h"
#include "engine/slab.h"
#include "engine/throttle.h"
#include "engine/wmark_worker.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

/// 1 << PAGE_ALLOC_COSTLY_ORDER: up to this size a charge is tried for as long as reclaim helps.
constexpr Pages kCostlyPages{8};

Memcg& owner_of_counter(Memcg& memcg, const PageCounter* counter) {
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        if (&level->memory == counter || &level->memsw == counter) {
            return *level;
        }
    }
    MEMCGFS_UNREACHABLE();
}

void drain_stock(Engine::State& state, Engine::State::Stock& stock) {
    if (stock.owner != nullptr && stock.pages > Pages{0}) {
        stock.owner->memory.uncharge(stock.pages);
        if (state.memory_on_v1()) {
            stock.owner->memsw.uncharge(stock.pages);
        }
    }
    stock = {};
}

struct Attempt {
    Memcg* over = nullptr;  ///< whose limit refused; nullptr: charged
    bool may_swap = true;   ///< false when memory + swap is full: swapping would not help
};

Attempt charge_counters(Engine::State& state, Memcg& memcg, Pages pages) {
    if (state.memory_on_v1()) {
        if (const PageCounter* refused = memcg.memsw.try_charge(pages); refused != nullptr) {
            return {&owner_of_counter(memcg, refused), false};
        }
    }
    if (const PageCounter* refused = memcg.memory.try_charge(pages); refused != nullptr) {
        if (state.memory_on_v1()) {
            memcg.memsw.uncharge(pages);
        }
        return {&owner_of_counter(memcg, refused), true};
    }
    return {};
}

/// The checks after a successful batched charge, lowest group first: background watermark, then
/// memory.high and memory.swap.high. The first group over one ends the walk (spec 2.5,
/// alibaba-wmark.md 3.3). Without a task only memory.high counts, and
/// for khugepaged not even that: it would be slowed down for the root.
void check_high(Engine::State& state, const OpContext& op, Memcg& memcg, Pages batch) {
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        if (state.profile().wmark && level->memory.usage() >= level->wmark.levels.high) {
            queue_wmark_work(state, *level);
            return;
        }
        const bool memory_high = level->memory.usage() > level->memory.high();
        Task* task = state.tasks.find(op.task);
        if (task == nullptr) {
            if (memory_high && !op.khugepaged) {
                queue_high_work(state, *level);
                return;
            }
        } else if (memory_high || level->swap.usage() > level->swap.high()) {
            task->over_high += batch;
            return;
        }
    }
}

bool may_sleep(ChargeClass klass) {
    return klass != ChargeClass::kNoWait && klass != ChargeClass::kAtomic;
}

bool must_not_fail(ChargeClass klass) {
    return klass == ChargeClass::kAtomic || klass == ChargeClass::kNoFail;
}

bool task_dying(const Engine::State& state, const OpContext& op) {
    const Task* task = state.tasks.find(op.task);
    return task != nullptr && task->dying;
}

/// What goes on between one refused attempt and the next.
struct RetryState {
    std::uint32_t retries = 0;
    bool drained = false;
    bool oomed = false;
    bool event_done = false;
};

enum class Verdict : std::uint8_t { kRetry, kForce, kNoMemory };

/// Everything that the exact amount's refusal leads to: reclaim, drain, retries, OOM.
Coro<Verdict> make_room(Engine::State& state, OpContext& op, ChargeRequest request, Attempt attempt,
                        RetryState& retry) {
    Memcg& over = *attempt.over;
    const bool bypass = state.profile().dying_task_bypasses_limit && task_dying(state, op);
    if (request.klass == ChargeClass::kReclaimer || op.reclaimer || bypass) {
        co_return Verdict::kForce;
    }
    if (!may_sleep(request.klass)) {
        co_return Verdict::kNoMemory;
    }
    state.event(over, MemcgEvent::kMax);
    retry.event_done = true;
    ReclaimRequest reclaim_request{.root = over, .pages = request.pages};
    reclaim_request.may_swap = attempt.may_swap;
    const Nanos begin = op.time();
    Pages freed{};
    {
        const PsiMemoryStall stall(state, op);
        freed = co_await try_to_free_mem_cgroup_pages(state, op, reclaim_request);
    }
    note_direct_reclaim(over, op.time() - begin);

    if (margin(state, over) >= request.pages) {
        co_return Verdict::kRetry;
    }
    if (!retry.drained) {
        drain_all_stock(state, over);
        retry.drained = true;
        co_return Verdict::kRetry;
    }
    if (request.klass == ChargeClass::kNoRetry) {
        co_return Verdict::kNoMemory;
    }
    if (freed > Pages{0} && request.pages <= kCostlyPages) {
        co_return Verdict::kRetry;
    }
    if (state.memory_on_v1() && co_await wait_for_charge_move(state, op, over)) {
        co_return Verdict::kRetry;
    }
    if (retry.retries > 0) {
        retry.retries--;
        co_return Verdict::kRetry;
    }
    if (request.klass == ChargeClass::kMayFail || (retry.oomed && task_dying(state, op))) {
        co_return Verdict::kNoMemory;
    }
    switch (mem_cgroup_oom(state, op, {over, request.pages})) {
        case OomStatus::kSuccess:
            co_await state.tick(op);
            retry.oomed = true;
            retry.retries = state.profile().reclaim_retries;
            co_return Verdict::kRetry;
        case OomStatus::kFailed:
            co_return state.profile().hopeless_charge_is_forced ? Verdict::kForce
                                                                : Verdict::kNoMemory;
        case OomStatus::kSkipped:
            break;
    }
    co_return Verdict::kNoMemory;
}

void force_charge(Engine::State& state, Memcg& memcg, Pages pages) {
    memcg.memory.charge(pages);
    if (state.memory_on_v1()) {
        memcg.memsw.charge(pages);
    }
}

}  // namespace

void refill_stock(Engine::State& state, std::uint32_t cpu, Memcg& memcg, Pages pages) {
    Engine::State::Stock& stock = state.stocks[cpu];
    if (stock.owner != &memcg) {
        drain_stock(state, stock);
        stock.owner = &memcg;
    }
    if (!memcg.online) {
        // Its last drain has been (css_offline): a stock would keep it for as long as this CPU
        // charges nobody else.
        stock.pages += pages;
        return drain_stock(state, stock);
    }
    stock.pages += pages;
    if (stock.pages > state.profile().charge_batch) {
        drain_stock(state, stock);
    }
}

bool fill_stock_at_once(Engine::State& state, const OpContext& op, Memcg& memcg) {
    if (memcg.is_root() || state.may_fault(FaultSite::kChargeFails)) {
        return false;
    }
    const Pages batch = state.profile().charge_batch;
    for (const Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        const Pages usage = level->memory.usage() + batch;
        const bool wmark = state.profile().wmark && usage >= level->wmark.levels.high;
        if (wmark || usage > std::min(level->memory.max(), level->memory.high()) ||
            (state.memory_on_v1() && level->memsw.usage() + batch > level->memsw.max()) ||
            level->swap.usage() > level->swap.high()) {
            return false;
        }
    }
    const Attempt attempt = charge_counters(state, memcg, batch);
    MEMCGFS_ASSERT(attempt.over == nullptr);
    state.trace(TraceEvent::Kind::kCharge, memcg, batch.count());
    refill_stock(state, op.cpu, memcg, batch);
    return true;
}

Pages stocked(const Engine::State& state, std::uint32_t cpu, const Memcg& memcg) {
    const Engine::State::Stock& stock = state.stocks[cpu];
    return stock.owner == &memcg ? stock.pages : Pages{0};
}

bool consume_stock(Engine::State& state, std::uint32_t cpu, Memcg& memcg, Pages pages) {
    if (stocked(state, cpu, memcg) < pages) {
        return false;
    }
    state.stocks[cpu].pages -= pages;
    return true;
}

void drain_all_stock(Engine::State& state, const Memcg& root) {
    drain_slab_stocks(state, root);
    for (Engine::State::Stock& stock : state.stocks) {
        if (stock.owner != nullptr && stock.owner->is_descendant_of(root)) {
            drain_stock(state, stock);
        }
    }
}

Coro<Result<void>> try_charge(Engine::State& state, OpContext& op, ChargeRequest request) {
    Memcg& memcg = request.memcg;
    if (memcg.is_root()) {
        co_return Result<void>{};
    }
    const MemcgPin pin(memcg);
    Pages batch = std::max(state.profile().charge_batch, request.pages);
    RetryState retry{.retries = state.profile().reclaim_retries};
    for (;;) {
        if (consume_stock(state, op.cpu, memcg, request.pages)) {
            co_return Result<void>{};
        }
        const Attempt attempt = charge_counters(state, memcg, batch);
        if (attempt.over == nullptr) {
            break;
        }
        if (batch > request.pages) {
            batch = request.pages;
            continue;
        }
        const MemcgPin over_pin(*attempt.over);
        const Verdict verdict = co_await make_room(state, op, request, attempt, retry);
        if (verdict == Verdict::kNoMemory && !must_not_fail(request.klass)) {
            co_return Result<void>{Err(Errno::kENOMEM)};
        }
        if (verdict != Verdict::kRetry) {
            if (!retry.event_done) {
                state.event(*attempt.over, MemcgEvent::kMax);
            }
            force_charge(state, memcg, request.pages);
            co_return Result<void>{};
        }
    }
    state.trace(TraceEvent::Kind::kCharge, memcg, batch.count());
    if (batch > request.pages) {
        refill_stock(state, op.cpu, memcg, batch - request.pages);
    }
    check_high(state, op, memcg, batch);
    const Task* task = state.tasks.find(op.task);
    if (state.profile().high_in_syscall && task != nullptr && may_sleep(request.klass) &&
        task->over_high > state.profile().charge_batch) {
        memcg.in_flight += request.pages;
        co_await handle_over_high(state, op);
        memcg.in_flight -= request.pages;
    }
    co_return Result<void>{};
}

void cancel_charge(Engine::State& state, Memcg& memcg, Pages pages) {
    if (memcg.is_root()) {
        return;
    }
    memcg.memory.uncharge(pages);
    if (state.memory_on_v1()) {
        memcg.memsw.uncharge(pages);
    }
}

void commit_charge(Engine::State& state, Memcg& memcg, Pages pages) {
    memcg.add_stat(StatItem::kPgpgin, as_delta(pages));
    memcg_check_events(state, memcg, pages, PageBatch::kOneByOne);
}

void commit_huge_charge(Engine::State& state, Memcg& memcg) {
    memcg.add_stat(StatItem::kPgpgin, 1);
    memcg_check_events(state, memcg, Pages{kHugePages}, PageBatch::kTogether);
}

}  // namespace memcgfs::engine
