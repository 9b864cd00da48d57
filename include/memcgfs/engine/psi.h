// SPDX-License-Identifier: MIT
//
// Pressure stall information for memory: how long tasks of a group waited for it
// (kernel/sched/psi.c, 6.1 and 6.12; spec engine.md 8.5).
//
// Kept for each group of the v2 hierarchy; the root's is the system's. Times are modelled ones:
// what an operation's steps and costs took. Engine lock held for everything.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

enum class PsiState : std::uint8_t {
    kSome,     ///< a task waits for memory
    kFull,     ///< and none does anything else
    kNonIdle,  ///< there is a task that waits or runs
};
inline constexpr std::size_t kPsiStateCount = 3;
inline constexpr std::size_t kPsiShown = 2;  ///< some and full

/// Totals are collected apart for the averages and for privileged triggers, as each has its own
/// pace.
enum class PsiAggregator : std::uint8_t { kAverages, kPolling };
inline constexpr std::size_t kPsiAggregatorCount = 2;

/// What one task is doing; tasks that do neither are not counted.
struct PsiFlags {
    bool running = false;  ///< on a CPU or waiting for one
    bool stalled = false;  ///< in a memory stall section
    bool operator==(const PsiFlags&) const = default;
};

/// The tasks of a group on one CPU, and the time they spent (struct psi_group_cpu).
struct PsiCpu {
    std::uint32_t running = 0;
    std::uint32_t stalled = 0;
    std::uint32_t stalled_running = 0;
    bool current_stalled = false;  ///< the task last seen running is in a stall
    Nanos since{};                 ///< `times` are up to here
    std::array<Nanos, kPsiStateCount> times{};
    std::array<std::array<Nanos, kPsiStateCount>, kPsiAggregatorCount> collected{};
};

using PsiTotals = std::array<Nanos, kPsiShown>;

/// Shares of time over the last 10, 60 and 300 seconds in fixed point: 2048 is 1 percent.
inline constexpr std::uint64_t kPsiFixedOne = 2048;
struct PsiAverages {
    std::array<std::uint64_t, 3> values{};
    /// A sampling period of `span` ends, of which `stalled` was stall; `missed` whole periods
    /// without any came before it (calc_avgs).
    void sample(std::uint64_t missed, Nanos stalled, Nanos span);
};

/// "some|full THRESHOLD WINDOW": tell when more than the threshold of a window was stall.
struct PsiTriggerSpec {
    PsiState state{};
    Nanos threshold{};
    Nanos window{};
    /// Looked at ten times a window; without, at the averages' pace.
    bool privileged = false;
    std::uint64_t cookie = 0;  ///< comes back in PsiTriggerEffect
};

struct PsiTrigger {
    PsiTriggerId id;
    PsiTriggerSpec spec;
    Nanos start{};  ///< the window's begin and the total then
    Nanos start_total{};
    Nanos previous_growth{};
    std::optional<Nanos> last_event;
    bool pending = false;  ///< a breach seen while another event was too fresh
};

struct PsiGroup {
    std::vector<PsiCpu> cpus;  ///< empty until there has been a task
    std::array<PsiTotals, kPsiAggregatorCount> totals{};
    PsiTotals averaged{};  ///< of the totals, how much has gone into the averages
    std::array<PsiAverages, kPsiShown> averages{};
    Nanos last_update{};
    Nanos next_update{};
    /// When the averages' worker runs next; it rests while the group is idle.
    std::optional<Nanos> worker;

    std::vector<PsiTrigger> triggers;
    /// Totals as the last look at privileged and unprivileged triggers found them.
    std::array<PsiTotals, kPsiAggregatorCount> trigger_totals{};
    Nanos polling_until{};
    std::optional<Nanos> polling_next;
    bool monitored = false;  ///< an operation looks after the triggers
};

}  // namespace memcgfs::engine
