// SPDX-License-Identifier: MIT
#include "engine/psi.h"

#include <algorithm>

#include "engine/hierarchies.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::size_t at(PsiState state) { return static_cast<std::size_t>(state); }

void account(PsiCpu& cpu, Nanos time, bool enabled) {
    if (time <= cpu.since) {
        return;
    }
    const Nanos span = time - cpu.since;
    cpu.since = time;
    if (!enabled) {
        return;
    }
    if (cpu.stalled > 0) {
        cpu.times[at(PsiState::kSome)] += span;
        if (cpu.running == cpu.stalled_running || cpu.current_stalled) {
            cpu.times[at(PsiState::kFull)] += span;
        }
    }
    if (cpu.stalled > 0 || cpu.running > 0) {
        cpu.times[at(PsiState::kNonIdle)] += span;
    }
}

void account_all(Cgroup& group, Nanos time) {
    for (PsiCpu& cpu : group.psi->cpus) {
        account(cpu, time, group.pressure);
    }
}

/// The averages' worker, at its time (psi_avgs_work).
void run_worker(Engine::State& state, Cgroup& group, Nanos now) {
    PsiGroup& psi = *group.psi;
    const auto changed = psi_collect(state, psi, PsiAggregator::kAverages);
    if (now >= psi.next_update) {
        psi_update_triggers(state, group, PsiAggregator::kAverages, now);
    }
    psi_update_averages(state, group, now);
    psi.worker.reset();
    if (changed[at(PsiState::kNonIdle)]) {
        psi.worker = psi.next_update;
    }
}

void count(PsiCpu& cpu, const PsiFlags& flags, int change) {
    const auto delta = static_cast<std::uint32_t>(change);
    cpu.running += flags.running ? delta : 0;
    cpu.stalled += flags.stalled ? delta : 0;
    cpu.stalled_running += flags.running && flags.stalled ? delta : 0;
}

struct Change {
    PsiFlags from{};
    PsiFlags to{};
    std::uint32_t cpu = 0;
    Nanos time{};
};

/// psi_group_change() for the group and all above it.
void change_groups(Engine::State& state, Cgroup* leaf, const Change& change) {
    for (Cgroup* group = leaf; group != nullptr; group = group->parent) {
        psi_settle(state, *group, change.time);
        PsiGroup& psi = psi_of(state, *group);
        if (psi.cpus.empty()) {
            // Until now nobody has been here, on no CPU.
            psi.cpus.assign(state.stocks.size(), PsiCpu{.since = change.time});
        }
        PsiCpu& cpu = psi.cpus[change.cpu];
        count(cpu, change.from, -1);
        count(cpu, change.to, 1);
        cpu.current_stalled = change.to.running && change.to.stalled;
        if (!group->pressure) {
            continue;
        }
        if (!psi.worker && (cpu.running > 0 || cpu.stalled > 0)) {
            psi.worker = change.time + psi_period(state);
        }
        if (cpu.stalled > 0) {
            psi_start_monitor(state, *group, change.time);
        }
    }
}

/// The flags of an operation's task, or of the operation itself if it is a kernel thread's.
struct Subject {
    PsiFlags* flags = nullptr;
    Cgroup* group = nullptr;
};

Subject subject_of(Engine::State& state, OpContext& op) {
    if (!op.task) {
        return {&op.psi, state.unified->root};
    }
    Task* task = state.tasks.find(op.task);
    return task == nullptr ? Subject{} : Subject{&task->psi, unified_group(state, *task)};
}

void change_flags(Engine::State& state, OpContext& op, const Subject& subject, PsiFlags to) {
    if (subject.group == nullptr || *subject.flags == to) {
        return;
    }
    change_groups(state, subject.group, {*subject.flags, to, op.cpu, op.time()});
    *subject.flags = to;
}

void set_running(Engine::State& state, OpContext& op, bool running) {
    const Subject subject = subject_of(state, op);
    if (subject.flags != nullptr) {
        PsiFlags to = *subject.flags;
        to.running = running;
        change_flags(state, op, subject, to);
    }
}

}  // namespace

Nanos psi_period(const Engine::State& state) {
    const std::int64_t hz = state.hz();
    return Nanos{kSecond / hz * (2 * hz + 1)};
}

void psi_begin(Engine::State& state, Cgroup& group) {
    group.psi_begun = state.environment.clock.now();
}

PsiGroup& psi_of(const Engine::State& state, Cgroup& group) {
    if (group.psi == nullptr) {
        group.psi = std::make_unique<PsiGroup>();
        group.psi->last_update = group.psi_begun;
        group.psi->next_update = group.psi_begun + psi_period(state);
    }
    return *group.psi;
}

void psi_settle(Engine::State& state, Cgroup& group, Nanos time) {
    if (group.psi == nullptr) {
        return;
    }
    PsiGroup& psi = *group.psi;
    while (psi.worker && *psi.worker <= time) {
        const Nanos due = *psi.worker;
        account_all(group, due);
        run_worker(state, group, due);
    }
    account_all(group, time);
}

std::array<bool, kPsiStateCount> psi_collect(const Engine::State& state, PsiGroup& psi,
                                             PsiAggregator aggregator) {
    const auto which = static_cast<std::size_t>(aggregator);
    const std::int64_t tick = kSecond / state.hz();
    std::array<bool, kPsiStateCount> changed{};
    std::array<std::int64_t, kPsiShown> weighted{};
    std::int64_t nonidle_total = 0;
    for (PsiCpu& cpu : psi.cpus) {
        std::array<std::int64_t, kPsiStateCount> delta{};
        for (std::size_t i = 0; i < kPsiStateCount; i++) {
            delta[i] = (cpu.times[i] - cpu.collected[which][i]).count();
            cpu.collected[which][i] = cpu.times[i];
            changed[i] = changed[i] || delta[i] != 0;
        }
        // A CPU counts by how busy it was. Alone it counts in full, also for less than a tick.
        const std::int64_t nonidle =
            psi.cpus.size() == 1 ? 1 : delta[at(PsiState::kNonIdle)] / tick;
        nonidle_total += nonidle;
        for (std::size_t i = 0; i < kPsiShown; i++) {
            weighted[i] += delta[i] * nonidle;
        }
    }
    for (std::size_t i = 0; i < kPsiShown; i++) {
        psi.totals[which][i] += Nanos{weighted[i] / std::max<std::int64_t>(nonidle_total, 1)};
    }
    return changed;
}

void psi_move_task(Engine::State& state, Task& task, Cgroup* to) {
    if (task.psi == PsiFlags{}) {
        return;
    }
    const Nanos now = state.environment.clock.now();
    const auto cpu =
        static_cast<std::uint32_t>((task.id.value & 0xFFFFFFFFU) % state.stocks.size());
    change_groups(state, unified_group(state, task), {task.psi, {}, cpu, now});
    change_groups(state, to, {{}, task.psi, cpu, now});
    if (to == nullptr) {
        task.psi = {};
    }
}

PsiRunning::PsiRunning(Engine::State& state, OpContext& op) : state_(state), op_(op) {
    set_running(state_, op_, true);
}
PsiRunning::~PsiRunning() { set_running(state_, op_, false); }

PsiSleeping::PsiSleeping(Engine::State& state, OpContext& op) : state_(state), op_(op) {
    set_running(state_, op_, false);
}
PsiSleeping::~PsiSleeping() { set_running(state_, op_, true); }

PsiMemoryStall::PsiMemoryStall(Engine::State& state, OpContext& op) : state_(state), op_(op) {
    const Subject subject = subject_of(state_, op_);
    if (subject.flags == nullptr || subject.flags->stalled) {
        return;
    }
    outermost_ = true;
    PsiFlags to = *subject.flags;
    to.stalled = true;
    to.running = to.running || !op_.task;  // a kernel thread runs as long as it is counted
    change_flags(state_, op_, subject, to);
}

PsiMemoryStall::~PsiMemoryStall() {
    const Subject subject = subject_of(state_, op_);
    if (!outermost_ || subject.flags == nullptr) {
        return;
    }
    PsiFlags to = *subject.flags;
    to.stalled = false;
    to.running = to.running && op_.task;
    change_flags(state_, op_, subject, to);
}

}  // namespace memcgfs::engine
