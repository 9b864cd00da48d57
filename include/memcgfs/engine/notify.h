// SPDX-License-Identifier: MIT
//
// v1 event registrations (cgroup.event_control): what an eventfd is waited on for, and what a
// memcg keeps for it (struct mem_cgroup_threshold_ary, oom_notify and struct vmpressure, 6.1).
//
// Engine lock held for everything.
#pragma once

#include <bitset>
#include <cstdint>
#include <variant>
#include <vector>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

/// A tick each time usage crosses the threshold, in either direction.
struct UsageEvent {
    bool memsw = false;  ///< of memory + swap
    Pages threshold{};
};

/// A tick when the group, an ancestor or a descendant runs out of memory.
struct OomEvent {};

enum class PressureLevel : std::uint8_t { kLow, kMedium, kCritical };
enum class PressureMode : std::uint8_t {
    kDefault,    ///< unless somebody nearer to the pressure has been told
    kHierarchy,  ///< always
    kLocal,      ///< only of the group's own reclaim
};

/// A tick for each window of reclaim at `level` or above.
struct PressureEvent {
    PressureLevel level{};
    PressureMode mode{};
};

using EventSpec = std::variant<UsageEvent, OomEvent, PressureEvent>;

/// One registration. It ends with its group or by Engine::unregister_event().
struct EventRegistration {
    EventRegistration(EventId event_id, MemcgId group, EventSpec what)
        : id(event_id), memcg(group), spec(what) {}
    EventId id;
    MemcgId memcg;
    EventSpec spec;
};

struct UsageThreshold {
    Pages pages{};
    EventId event;
};

/// Sorted by threshold. The first `reached` ones were at or below usage when last looked at.
struct ThresholdList {
    std::vector<UsageThreshold> entries;
    std::size_t reached = 0;
};

/// Charges and uncharges of one CPU, in pages, and at which number something is looked at next
/// (memcg_vmstats_percpu's nr_page_events and targets).
struct PageEvents {
    std::uint64_t count = 0;
    std::uint64_t next_threshold = 0;
    std::uint64_t next_soft_limit = 0;
};

/// Reclaim of one group, its subtree included, since the window was last full (struct vmpressure).
struct PressureWindow {
    Pages scanned{};
    Pages reclaimed{};
    /// Levels of full windows that the worker, which is on its way, has not told yet, by number.
    std::bitset<3> untold;
};

/// How hard reclaim was: the share of scanned pages that could not be freed, in percent
/// (vmpressure_calc_level, 6.1).
PressureLevel pressure_level(Pages scanned, Pages reclaimed);

struct NotifyState {
    std::vector<EventId> registrations;  ///< all of the group, in order
    ThresholdList memory;
    ThresholdList memsw;
    std::vector<PageEvents> page_events;  ///< by CPU; grows when used
    PressureWindow pressure;
};

}  // namespace memcgfs::engine
