// SPDX-License-Identifier: MIT
#include "engine/notify.h"

#include <algorithm>

#include "engine/soft_limit.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

/// Page events from one look at the thresholds to the next (THRESHOLDS_EVENTS_TARGET).
constexpr std::uint64_t kThresholdStep = 128;
/// And at soft limits (SOFTLIMIT_EVENTS_TARGET).
constexpr std::uint64_t kSoftLimitStep = 1024;
/// From rmdir to a group's going offline the kernel waits for readers (RCU): some milliseconds. A
/// listener that is told tells an event from the end by looking for the directory.
constexpr Nanos kGracePeriod = from_millis(20);

void tick(Engine::State& state, EventId event) { state.emit(EventTickEffect{event, false}); }

void check_thresholds(Engine::State& state, const Memcg& memcg, ThresholdList& list, bool memsw) {
    if (list.entries.empty()) {
        return;
    }
    const Pages usage = memcg_usage(memcg, memsw);
    while (list.reached > 0 && list.entries[list.reached - 1].pages > usage) {
        tick(state, list.entries[--list.reached].event);
    }
    while (list.reached < list.entries.size() && list.entries[list.reached].pages <= usage) {
        tick(state, list.entries[list.reached++].event);
    }
}

/// The group and all ancestors, the root included (mem_cgroup_threshold).
void check_all_thresholds(Engine::State& state, Memcg& memcg) {
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        check_thresholds(state, *level, level->notify.memory, false);
        check_thresholds(state, *level, level->notify.memsw, true);
    }
}

ThresholdList& list_of(Memcg& memcg, const UsageEvent& event) {
    return event.memsw ? memcg.notify.memsw : memcg.notify.memory;
}

/// After the entries have changed: what is reached now is not a crossing.
void settle_thresholds(const Memcg& memcg, ThresholdList& list, bool memsw) {
    const Pages usage = memcg_usage(memcg, memsw);
    const auto above = std::find_if(list.entries.begin(), list.entries.end(),
                                    [&](const UsageThreshold& it) { return it.pages > usage; });
    list.reached = static_cast<std::size_t>(above - list.entries.begin());
}

void add_threshold(Engine::State& state, Memcg& memcg, const UsageEvent& event, EventId id) {
    ThresholdList& list = list_of(memcg, event);
    check_thresholds(state, memcg, list, event.memsw);
    const auto place =
        std::upper_bound(list.entries.begin(), list.entries.end(), event.threshold,
                         [](Pages pages, const UsageThreshold& it) { return pages < it.pages; });
    list.entries.insert(place, {event.threshold, id});
    settle_thresholds(memcg, list, event.memsw);
}

void remove_threshold(Engine::State& state, Memcg& memcg, const UsageEvent& event, EventId id) {
    ThresholdList& list = list_of(memcg, event);
    check_thresholds(state, memcg, list, event.memsw);
    std::erase_if(list.entries, [id](const UsageThreshold& it) { return it.event == id; });
    settle_thresholds(memcg, list, event.memsw);
}

/// Takes a registration off its group.
void remove_registration(Engine::State& state, EventId id) {
    const EventRegistration registration = *state.events.find(id);
    Memcg* memcg = state.memcgs.find(registration.memcg);
    MEMCGFS_ASSERT(memcg != nullptr);
    if (const auto* usage = std::get_if<UsageEvent>(&registration.spec)) {
        remove_threshold(state, *memcg, *usage, id);
    }
    std::erase(memcg->notify.registrations, id);
    state.events.erase(id);
}

/// The end of registrations, when everybody sees that their directory has gone.
Coro<OperationResult> last_ticks(Engine::State& state, OpContext& op, std::vector<EventId> events) {
    co_await pause({Step::Kind::kSleep, op.clock->now() + kGracePeriod});
    for (const EventId event : events) {
        if (state.ending_events.erase(event) > 0) {  // not unregistered meanwhile
            state.emit(EventTickEffect{event, true});
        }
    }
    co_return std::uint64_t{0};
}

}  // namespace

Pages memcg_usage(const Memcg& memcg, bool memsw) {
    if (!memcg.is_root()) {
        return (memsw ? memcg.memsw : memcg.memory).usage();
    }
    const std::int64_t pages = memcg.stat_total(StatItem::kFile) +
                               memcg.stat_total(StatItem::kAnon) +
                               (memsw ? memcg.stat_total(StatItem::kSwap) : 0);
    return Pages{static_cast<std::uint64_t>(pages)};
}

void memcg_check_events(Engine::State& state, Memcg& memcg, Pages pages, PageBatch batch) {
    if (!state.memory_on_v1()) {
        return;  // nobody can have registered, and there are no soft limits
    }
    std::vector<PageEvents>& by_cpu = memcg.notify.page_events;
    if (by_cpu.size() <= state.current_cpu) {
        by_cpu.resize(state.current_cpu + 1);
    }
    PageEvents& events = by_cpu[state.current_cpu];
    events.count += pages.count();
    bool thresholds = false;
    bool soft_limits = false;
    while (events.count > events.next_threshold) {
        const std::uint64_t now =
            batch == PageBatch::kTogether ? events.count : events.next_threshold + 1;
        events.next_threshold = now + kThresholdStep;
        thresholds = true;
        if (now > events.next_soft_limit) {
            events.next_soft_limit = now + kSoftLimitStep;
            soft_limits = true;
        }
    }
    // Usage is the same for all of the pages: one look is as good as many.
    if (thresholds) {
        check_all_thresholds(state, memcg);
    }
    if (soft_limits) {
        update_soft_limit_tree(state, memcg);
    }
}

void detach_events(Engine::State& state, Memcg& memcg) {
    std::vector<EventId> detached;
    while (!memcg.notify.registrations.empty()) {
        detached.push_back(memcg.notify.registrations.back());
        remove_registration(state, detached.back());
        state.ending_events.insert(detached.back());
    }
    if (!detached.empty()) {
        state.emit(
            SpawnEffect{state.make_operation("css_killed", [&state, detached](OpContext& op) {
                return last_ticks(state, op, detached);
            })});
    }
}

void tick_oom_events(Engine::State& state, const Memcg& memcg) {
    for (const EventId id : memcg.notify.registrations) {
        if (std::holds_alternative<OomEvent>(state.events.find(id)->spec)) {
            tick(state, id);
        }
    }
}

EventId Engine::register_event(Memcg& memcg, const EventSpec& spec) {
    MEMCGFS_ASSERT(memcg.online);
    const EventId id = state_->events.emplace(memcg.id(), spec).id;
    memcg.notify.registrations.push_back(id);
    if (const auto* usage = std::get_if<UsageEvent>(&spec)) {
        add_threshold(*state_, memcg, *usage, id);
    } else if (std::holds_alternative<OomEvent>(spec) && memcg.under_oom > 0) {
        tick(*state_, id);
    }
    return id;
}

void Engine::unregister_event(EventId id) {
    state_->ending_events.erase(id);
    if (state_->events.find(id) != nullptr) {
        remove_registration(*state_, id);
    }
}

}  // namespace memcgfs::engine
