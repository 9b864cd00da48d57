// SPDX-License-Identifier: MIT
//
// Telling PSI what tasks do, and what follows from it (kernel/sched/psi.c, 6.1; spec 8.5).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// Averages are taken every 2 * HZ + 1 ticks.
Nanos psi_period(const Engine::State& state);

/// A group's accounting begins.
void psi_begin(Engine::State& state, Cgroup& group);
/// What is known of the group, from now on more than nothing.
PsiGroup& psi_of(const Engine::State& state, Cgroup& group);
/// The group goes, or its accounting is turned off: its triggers end, each with an effect.
void psi_end_triggers(Engine::State& state, Cgroup& group);

/// Brings times and averages up to `time`: nothing has changed until then. Times that have been
/// accounted already are left alone.
void psi_settle(Engine::State& state, Cgroup& group, Nanos time);

/// Moves what the CPUs counted since into the aggregator's totals; which states had any.
std::array<bool, kPsiStateCount> psi_collect(const Engine::State& state, PsiGroup& psi,
                                             PsiAggregator aggregator);

/// Takes a new sample into the averages if it is time (psi_show, psi_avgs_work).
void psi_update_averages(Engine::State& state, Cgroup& group, Nanos now);

/// Looks at the triggers of one pace; fires those that are due (update_triggers).
void psi_update_triggers(Engine::State& state, Cgroup& group, PsiAggregator pace, Nanos now);

/// There may be something to look after from now on.
void psi_start_monitor(Engine::State& state, Cgroup& group, Nanos now);

/// The task goes to another group, or nowhere.
void psi_move_task(Engine::State& state, Task& task, Cgroup* to);

/// An operation's task runs for as long as this lives.
class PsiRunning {
public:
    PsiRunning(Engine::State& state, OpContext& op);
    ~PsiRunning();
    PsiRunning(const PsiRunning&) = delete;
    PsiRunning& operator=(const PsiRunning&) = delete;

private:
    Engine::State& state_;
    OpContext& op_;
};

/// It sleeps for as long as this lives.
class PsiSleeping {
public:
    PsiSleeping(Engine::State& state, OpContext& op);
    ~PsiSleeping();
    PsiSleeping(const PsiSleeping&) = delete;
    PsiSleeping& operator=(const PsiSleeping&) = delete;

private:
    Engine::State& state_;
    OpContext& op_;
};

/// psi_memstall_enter() and psi_memstall_leave(). An operation without a task is a kernel
/// thread's: its stall is the root's. Sections may be nested; the outermost counts.
class PsiMemoryStall {
public:
    PsiMemoryStall(Engine::State& state, OpContext& op);
    ~PsiMemoryStall();
    PsiMemoryStall(const PsiMemoryStall&) = delete;
    PsiMemoryStall& operator=(const PsiMemoryStall&) = delete;

private:
    Engine::State& state_;
    OpContext& op_;
    bool outermost_ = false;
};

}  // namespace memcgfs::engine
