// SPDX-License-Identifier: MIT
//
// PSI triggers: programs that want to hear of stalls (psi_trigger_create, update_triggers,
// psi_poll_work; kernel/sched/psi.c, 6.1).
#include <algorithm>

#include "engine/psi.h"

namespace memcgfs::engine {

namespace {

constexpr std::int64_t kUpdatesPerWindow = 10;

PsiAggregator pace_of(const PsiTrigger& trigger) {
    return trigger.spec.privileged ? PsiAggregator::kPolling : PsiAggregator::kAverages;
}

Nanos total_for(const PsiGroup& psi, const PsiTrigger& trigger) {
    return psi.totals[static_cast<std::size_t>(pace_of(trigger))]
                     [static_cast<std::size_t>(trigger.spec.state)];
}

void restart_window(PsiTrigger& trigger, Nanos now, Nanos total, Nanos previous_growth) {
    trigger.start = now;
    trigger.start_total = total;
    trigger.previous_growth = previous_growth;
}

/// How much the total has grown within a window that ends now: what this window has, and its
/// share of the one before (window_update).
Nanos window_growth(PsiTrigger& trigger, Nanos now, Nanos total) {
    const Nanos elapsed = now - trigger.start;
    const Nanos growth = total - trigger.start_total;
    if (elapsed > trigger.spec.window) {
        restart_window(trigger, now, total, growth);
        return growth;
    }
    // In microseconds, as products of nanoseconds do not fit.
    const std::int64_t remaining = (trigger.spec.window - elapsed).count() / 1000;
    const std::int64_t window = std::max<std::int64_t>(trigger.spec.window.count() / 1000, 1);
    return growth + trigger.previous_growth * remaining / window;
}

void look_at(Engine::State& state, PsiTrigger& trigger, bool new_stall, Nanos total, Nanos now) {
    if (!new_stall && !trigger.pending) {
        return;
    }
    if (new_stall) {
        const Nanos growth = window_growth(trigger, now, total);
        if (!trigger.pending && growth < trigger.spec.threshold) {
            return;
        }
        trigger.pending = true;
    }
    if (trigger.last_event && now < *trigger.last_event + trigger.spec.window) {
        return;
    }
    trigger.last_event = now;
    trigger.pending = false;
    state.emit(PsiTriggerEffect{trigger.spec.cookie, true});
}

/// The shortest interval that a privileged trigger asks for; none without such a trigger.
std::optional<Nanos> polling_interval(const PsiGroup& psi) {
    std::optional<Nanos> least;
    for (const PsiTrigger& trigger : psi.triggers) {
        if (trigger.spec.privileged) {
            const Nanos interval = trigger.spec.window / kUpdatesPerWindow;
            least = std::min(least.value_or(interval), interval);
        }
    }
    return least;
}

/// psi_poll_work: when it wants to run again, or never.
std::optional<Nanos> poll(Engine::State& state, Cgroup& group, Nanos now) {
    PsiGroup& psi = psi_of(state, group);
    const std::optional<Nanos> interval = polling_interval(psi);
    if (!interval) {
        return std::nullopt;
    }
    const auto changed = psi_collect(state, psi, PsiAggregator::kPolling);
    const bool stalls =
        std::any_of(psi.triggers.begin(), psi.triggers.end(), [&](const PsiTrigger& trigger) {
            return trigger.spec.privileged && changed[static_cast<std::size_t>(trigger.spec.state)];
        });
    const auto polling = static_cast<std::size_t>(PsiAggregator::kPolling);
    if (stalls) {
        if (now > psi.polling_until || !psi.polling_next) {
            for (PsiTrigger& trigger : psi.triggers) {
                if (trigger.spec.privileged) {
                    restart_window(trigger, now, total_for(psi, trigger), Nanos{0});
                }
            }
            psi.trigger_totals[polling] = psi.totals[polling];
            psi.polling_next = now + *interval;
        }
        psi.polling_until = now + *interval * kUpdatesPerWindow;
    }
    if (now > psi.polling_until || !psi.polling_next) {
        psi.polling_next.reset();
        return std::nullopt;
    }
    if (now >= *psi.polling_next) {
        psi_update_triggers(state, group, PsiAggregator::kPolling, now);
        psi.polling_next = now + *interval;
    }
    return psi.polling_next;
}

/// When somebody has to look at the group again for its triggers' sake.
std::optional<Nanos> next_look(Engine::State& state, Cgroup& group, Nanos now) {
    psi_settle(state, group, now);
    std::optional<Nanos> next = poll(state, group, now);
    const PsiGroup& psi = psi_of(state, group);
    const bool unprivileged =
        std::any_of(psi.triggers.begin(), psi.triggers.end(),
                    [](const PsiTrigger& trigger) { return !trigger.spec.privileged; });
    if (unprivileged && psi.worker) {
        next = std::min(next.value_or(*psi.worker), *psi.worker);
    }
    return next;
}

/// The thread psimon, and the averages' worker as far as triggers hang on it.
Coro<OperationResult> monitor(Engine::State& state, OpContext& op, CgroupId id, Nanos first) {
    std::optional<Nanos> next = first;
    while (next && !op.signal_pending) {
        co_await pause({Step::Kind::kSleep, *next});
        Cgroup* group = state.cgroups.find(id);
        if (group == nullptr) {
            co_return std::uint64_t{0};
        }
        next = next_look(state, *group, op.clock->now());
    }
    if (Cgroup* group = state.cgroups.find(id); group != nullptr) {
        psi_of(state, *group).monitored = false;
    }
    co_return std::uint64_t{0};
}

}  // namespace

void psi_update_triggers(Engine::State& state, Cgroup& group, PsiAggregator pace, Nanos now) {
    PsiGroup& psi = psi_of(state, group);
    PsiTotals& before = psi.trigger_totals[static_cast<std::size_t>(pace)];
    for (PsiTrigger& trigger : psi.triggers) {
        if (pace_of(trigger) == pace) {
            const Nanos total = total_for(psi, trigger);
            const bool new_stall = total != before[static_cast<std::size_t>(trigger.spec.state)];
            look_at(state, trigger, new_stall, total, now);
        }
    }
    before = psi.totals[static_cast<std::size_t>(pace)];
}

void psi_start_monitor(Engine::State& state, Cgroup& group, Nanos now) {
    PsiGroup& psi = psi_of(state, group);
    if (psi.triggers.empty() || psi.monitored) {
        return;
    }
    psi.monitored = true;
    const Nanos tick{1'000'000'000 / state.hz()};
    const CgroupId id = group.id;
    const Nanos first = now + tick;
    state.emit(SpawnEffect{state.make_operation(
        "psimon", [&state, id, first](OpContext& op) { return monitor(state, op, id, first); })});
}

void psi_end_triggers(Engine::State& state, Cgroup& group) {
    if (group.psi == nullptr) {
        return;
    }
    for (const PsiTrigger& trigger : group.psi->triggers) {
        state.psi_triggers.erase(trigger.id);
        state.emit(PsiTriggerEffect{trigger.spec.cookie, false});
    }
    group.psi->triggers.clear();
}

PsiTriggerId Engine::add_psi_trigger(Cgroup& group, const PsiTriggerSpec& spec) {
    State& state = *state_;
    const Nanos now = state.environment.clock.now();
    psi_settle(state, group, now);
    const PsiTriggerId id = state.psi_triggers.emplace(group.id).id;
    PsiGroup& psi = psi_of(state, group);
    PsiTrigger& trigger = psi.triggers.emplace_back();
    trigger.id = id;
    trigger.spec = spec;
    restart_window(trigger, now, total_for(psi, trigger), Nanos{0});
    if (psi.worker) {
        psi_start_monitor(state, group, now);
    }
    return id;
}

void Engine::remove_psi_trigger(PsiTriggerId id) {
    const State::PsiTriggerHome* home = state_->psi_triggers.find(id);
    if (home == nullptr) {
        return;
    }
    Cgroup* group = find(home->group);
    std::erase_if(psi_of(*state_, *group).triggers,
                  [id](const PsiTrigger& it) { return it.id == id; });
    state_->psi_triggers.erase(id);
}

Engine::Pressure Engine::pressure(Cgroup& group, PsiState which) {
    const Nanos now = state_->environment.clock.now();
    psi_settle(*state_, group, now);
    PsiGroup& psi = psi_of(*state_, group);
    psi_collect(*state_, psi, PsiAggregator::kAverages);
    psi_update_averages(*state_, group, now);
    const auto index = static_cast<std::size_t>(which);
    return {.averages = psi.averages[index],
            .total = psi.totals[static_cast<std::size_t>(PsiAggregator::kAverages)][index]};
}

void Engine::set_pressure(Cgroup& group, bool on) {
    psi_settle(*state_, group, state_->environment.clock.now());
    group.pressure = on;
    if (!on) {
        psi_end_triggers(*state_, group);
    }
}

}  // namespace memcgfs::engine
