// SPDX-License-Identifier: MIT
#include "engine/move_charge.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "engine/charge.h"
#include "engine/members.h"
#include "engine/oom_wait.h"
#include "engine/pages.h"

namespace memcgfs::engine {

namespace {

/// What of an extent comes along: get_mctgt_type. Private pages and slots by bit 0; of files all
/// that is in memory, mapped or not, by bit 1. Swapped shmem stays, and so do torn huge pages.
bool comes_along(const Extent& extent, const Memcg& from, std::uint64_t mask) {
    const bool torn = extent.state.torn || extent.state.where == PageState::Where::kPart;
    if (extent.memcg != &from || torn) {
        return false;
    }
    if (extent.mapping->kind() == PageKind::kAnon) {
        return (mask & kMoveAnon) != 0;
    }
    return (mask & kMoveFile) != 0 && extent.state.where == PageState::Where::kResident;
}

/// A part of a mapping that the process has.
struct Part {
    Mapping& mapping;
    std::uint64_t first = 0;
    std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
};

std::vector<Part> parts_of(const Engine::State& state, const Task& task, const ChargeMove& move) {
    std::vector<Part> parts;
    for (const MappingId id : task.regions) {
        if (Mapping* mapping = state.mappings.find(id); mapping != nullptr) {
            parts.push_back({*mapping});
        }
    }
    for (const Engine::FileRegion& file : move.files) {
        if (Mapping* mapping = state.mappings.find(file.cache); mapping != nullptr) {
            parts.push_back({*mapping, file.pages.first, file.pages.first + file.pages.count});
        }
    }
    return parts;
}

/// At least what comes along: what is mapped twice counts twice.
Pages count_pages(const Engine::State& state, const Task& task, const Memcg& from,
                  const ChargeMove& move) {
    Pages sum{};
    for (const Part& part : parts_of(state, task, move)) {
        std::uint64_t index = part.first;
        const Extent* extent = nullptr;
        while (index < part.end && (extent = part.mapping.next(index)) != nullptr) {
            const std::uint64_t first = std::max(index, extent->first);
            const std::uint64_t end = std::min(extent->end(), part.end);
            index = extent->end();
            sum += first < end && comes_along(*extent, from, move.mask) ? Pages{end - first}
                                                                        : Pages{0};
        }
    }
    return sum;
}

void cancel_charge(Memcg& memcg, Pages pages) {
    if (!memcg.is_root()) {
        memcg.memory.uncharge(pages);
        memcg.memsw.uncharge(pages);
    }
}

struct Moved {
    Pages resident{};
    Pages swapped{};
    Pages all() const { return resident + swapped; }
};

/// The extent that begins where the part does, or later, cut to what the part has of it. A huge
/// page is not cut: it comes along where its first page does.
Extent* next_of(const Part& part, std::uint64_t index) {
    Extent* extent = index < part.end ? part.mapping.next(index) : nullptr;
    if (extent != nullptr && !extent->state.huge && extent->first < index) {
        extent = &part.mapping.split(*extent, index);
    }
    if (extent == nullptr || extent->first >= part.end) {
        return nullptr;
    }
    if (!extent->state.huge && extent->end() > part.end) {
        part.mapping.split(*extent, part.end);
    }
    return extent;
}

/// Hands over at most `limit` pages of one mapping (mem_cgroup_move_charge_pte_range).
void move_part(Engine::State& state, const Part& part, Memcg& from, Memcg& to, std::uint64_t mask,
               Pages limit, Moved& moved) {
    Mapping& mapping = part.mapping;
    std::uint64_t index = part.first;
    while (Extent* extent = next_of(part, index)) {
        index = extent->end();
        if (!comes_along(*extent, from, mask)) {
            continue;
        }
        const Pages room = limit - moved.all();
        if (room == Pages{0}) {
            return;
        }
        // A huge page goes whole or not at all.
        const std::uint64_t whole =
            extent->state.huge ? room.count() / kHugePages * kHugePages : room.count();
        if (whole == 0) {
            continue;
        }
        if (extent->count > whole) {
            mapping.split(*extent, extent->first + whole);
        }
        const Pages pages{extent->count};
        if (extent->state.where == PageState::Where::kSwapped) {
            moved.swapped += pages;
            move_swapped(*extent, to);
        } else {
            moved.resident += pages;
            move_resident(state, *extent, to);
        }
    }
}

/// The counters follow the pages: the new group has been charged before, the old one gives up.
void settle(Memcg& from, Memcg& to, Pages precharged, const Moved& moved) {
    cancel_charge(to, precharged - moved.all());
    cancel_charge(from, moved.resident);
    if (!from.is_root()) {
        from.memsw.uncharge(moved.swapped);
    }
    if (!to.is_root()) {
        to.memory.uncharge(moved.swapped);  // a slot counts in memory + swap alone
    }
}

/// mem_cgroup_do_precharge: what could be charged, and whether that is all.
struct Precharge {
    Pages pages{};
    Result<void> outcome{};
};

Coro<Precharge> precharge(Engine::State& state, OpContext& op, Memcg& to, Pages wanted) {
    if (wanted == Pages{0}) {
        co_return Precharge{};
    }
    const ChargeRequest all{.memcg = to, .pages = wanted, .klass = ChargeClass::kNoWait};
    if (const Result<void> charged = co_await try_charge(state, op, all); charged.ok()) {
        to.in_flight += wanted;
        co_return Precharge{wanted, {}};
    }
    Precharge sum;
    while (sum.pages < wanted) {
        const ChargeRequest one{.memcg = to, .klass = ChargeClass::kNoRetry};
        sum.outcome = co_await try_charge(state, op, one);
        if (!sum.outcome.ok()) {
            break;
        }
        sum.pages += Pages{1};
        to.in_flight += Pages{1};
        co_await op.pause_point();
    }
    co_return sum;
}

/// Ends the move: whoever waits may try again (__mem_cgroup_clear_mc).
void end_move(Engine::State& state, Memcg& from, Memcg& to) {
    oom_recover(state, from);
    oom_recover(state, to);
    state.charge_move.active = false;
    for (const OperationId waiter : std::exchange(state.charge_move.waiters, {})) {
        state.emit(WakeEffect{waiter});
    }
}

/// The attach itself, and with it the hand-over. The task and the group may have gone.
Result<void> finish(Engine::State& state, const ChargeMove& move, Memcg& from, Memcg& to,
                    Pages precharged, const std::function<Result<void>()>& attach) {
    Moved moved;
    Result<void> attached = attach();
    if (const Task* task = state.tasks.find(move.task); attached.ok() && task != nullptr) {
        for (const Part& part : parts_of(state, *task, move)) {
            move_part(state, part, from, to, move.mask, precharged, moved);
        }
    }
    settle(from, to, precharged, moved);
    return attached;
}

}  // namespace

Coro<bool> wait_for_charge_move(Engine::State& state, OpContext& op, const Memcg& over) {
    const Engine::State::ChargeMoveState& move = state.charge_move;
    if (!move.active || move.operation == op.id ||
        !(move.from->is_descendant_of(over) || move.to->is_descendant_of(over))) {
        co_return false;
    }
    state.charge_move.waiters.push_back(op.id);
    co_await pause({Step::Kind::kWait, {}});
    co_return true;
}

Coro<OperationResult> attach_with_charges(Engine::State& state, OpContext& op, ChargeMove move,
                                          std::function<Result<void>()> attach) {
    while (state.charge_move.active) {  // one at a time (cgroup_mutex)
        state.charge_move.waiters.push_back(op.id);
        co_await pause({Step::Kind::kWait, {}});
    }
    const Task* task = state.tasks.find(move.task);
    const Cgroup* group = state.cgroups.find(move.to);
    if (task == nullptr || group == nullptr) {
        co_return Err(task == nullptr ? Errno::kESRCH : Errno::kENODEV);
    }
    Memcg& from = charged_memcg(state, *task);
    Memcg& to = effective_memcg(*group);
    const MemcgPin from_pin(from);
    const MemcgPin to_pin(to);
    state.charge_move = {.active = true, .operation = op.id, .from = &from, .to = &to};
    const Pages wanted = count_pages(state, *task, from, move);
    const Precharge charged = co_await precharge(state, op, to, wanted);
    to.in_flight -= charged.pages;
    Result<void> outcome = charged.outcome;
    if (outcome.ok()) {
        outcome = finish(state, move, from, to, charged.pages, attach);
    } else {
        cancel_charge(to, charged.pages);
    }
    end_move(state, from, to);
    if (!outcome.ok()) {
        co_return Err(outcome.error());
    }
    co_return std::uint64_t{0};
}

}  // namespace memcgfs::engine
