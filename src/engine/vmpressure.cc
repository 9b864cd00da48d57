// SPDX-License-Identifier: MIT
#include "engine/vmpressure.h"

#include <utility>

namespace memcgfs::engine {

namespace {

constexpr Pages kWindow{512};  // vmpressure_win: 16 * SWAP_CLUSTER_MAX
constexpr std::uint64_t kMediumPercent = 60;
constexpr std::uint64_t kCriticalPercent = 95;
constexpr unsigned kCriticalPriority = 3;  // ilog2(100 / 10)

/// Whom a worker has reached so far on its way up.
struct Round {
    PressureLevel level{};
    bool own_group = true;
    bool told = false;  ///< a group below has had a listener
};

bool wants(const PressureEvent& event, const Round& round) {
    if (event.level > round.level) {
        return false;
    }
    switch (event.mode) {
        case PressureMode::kDefault:
            return !round.told;
        case PressureMode::kHierarchy:
            return true;
        case PressureMode::kLocal:
            return round.own_group;
    }
    return false;
}

/// True if a listener of this very group was told.
bool tell(Engine::State& state, const Memcg& memcg, const Round& round) {
    bool told = false;
    for (const EventId id : memcg.notify.registrations) {
        const auto* event = std::get_if<PressureEvent>(&state.events.find(id)->spec);
        if (event != nullptr && wants(*event, round)) {
            state.emit(EventTickEffect{id, false});
            told = true;
        }
    }
    return told;
}

/// vmpressure_work_fn.
Coro<OperationResult> pressure_work(Engine::State& state, MemcgId id) {
    Memcg* memcg = state.memcgs.find(id);
    if (memcg == nullptr) {
        co_return std::uint64_t{0};
    }
    const auto untold = std::exchange(memcg->notify.pressure.untold, {});
    for (std::size_t reached = 0; reached < untold.size(); reached++) {
        if (!untold.test(reached)) {
            continue;
        }
        Round round{.level = static_cast<PressureLevel>(reached)};
        for (const Memcg* level = memcg; level != nullptr; level = level->parent()) {
            round.told = tell(state, *level, round) || round.told;
            round.own_group = false;
        }
    }
    co_return std::uint64_t{0};
}

}  // namespace

PressureLevel pressure_level(Pages scanned, Pages reclaimed) {
    // A huge page is reclaimed whole: more may be freed than was scanned.
    if (reclaimed >= scanned) {
        return PressureLevel::kLow;
    }
    const std::uint64_t scale = (scanned + reclaimed).count();
    const std::uint64_t missed = scale - reclaimed.count() * scale / scanned.count();
    const std::uint64_t percent = missed * 100 / scale;
    if (percent >= kCriticalPercent) {
        return PressureLevel::kCritical;
    }
    return percent >= kMediumPercent ? PressureLevel::kMedium : PressureLevel::kLow;
}

// In Linux the worker judges all that was scanned until it ran, which is about a window. Here it
// may come much later, and critical pressure would be lost among pages that were easy to free: so a
// window is judged when it is full.
void vmpressure(Engine::State& state, Memcg& memcg, Pages scanned, Pages reclaimed) {
    if (!state.memory_on_v1() || scanned == Pages{0}) {
        return;  // v2 has no file for it
    }
    state.trace(TraceEvent::Kind::kPressure, memcg, scanned.count(), reclaimed.count());
    PressureWindow& window = memcg.notify.pressure;
    window.scanned += scanned;
    window.reclaimed += reclaimed;
    if (window.scanned < kWindow) {
        return;
    }
    const bool queued = window.untold.any();
    window.untold.set(static_cast<std::size_t>(pressure_level(window.scanned, window.reclaimed)));
    window.scanned = window.reclaimed = Pages{0};
    if (queued) {
        return;
    }
    const MemcgId id = memcg.id();
    state.emit(SpawnEffect{state.make_operation(
        "vmpressure", [&state, id](OpContext&) { return pressure_work(state, id); })});
}

void vmpressure_prio(Engine::State& state, Memcg& memcg, unsigned priority) {
    if (priority <= kCriticalPriority) {
        vmpressure(state, memcg, kWindow, Pages{0});
    }
}

}  // namespace memcgfs::engine
