// SPDX-License-Identifier: MIT
//
// The averages of avg10, avg60 and avg300 (calc_avgs, update_averages; kernel/sched/psi.c and
// include/linux/sched/loadavg.h, 6.1).
#include <algorithm>

#include "engine/psi.h"

namespace memcgfs::engine {

namespace {

constexpr unsigned kShift = 11;  // FSHIFT: kPsiFixedOne is 1 << kShift
/// e^(-2s/10s), e^(-2s/60s) and e^(-2s/300s) in fixed point.
constexpr std::array<std::uint64_t, 3> kDecay{1677, 1981, 2034};

/// One period of exponential decay towards `active`; rounds up on the way up.
std::uint64_t decayed(std::uint64_t load, std::uint64_t decay, std::uint64_t active) {
    std::uint64_t sum = load * decay + active * (kPsiFixedOne - decay);
    if (active >= load) {
        sum += kPsiFixedOne - 1;
    }
    return sum / kPsiFixedOne;
}

/// decay to the power of `periods` (fixed_power_int).
std::uint64_t power(std::uint64_t decay, std::uint64_t periods) {
    const auto product = [](std::uint64_t a, std::uint64_t b) {
        return (a * b + (1U << (kShift - 1))) >> kShift;
    };
    std::uint64_t result = kPsiFixedOne;
    for (; periods > 0; periods >>= 1U) {
        if ((periods & 1U) != 0) {
            result = product(result, decay);
        }
        decay = product(decay, decay);
    }
    return result;
}

}  // namespace

void PsiAverages::sample(std::uint64_t missed, Nanos stalled, Nanos span) {
    const auto percent = static_cast<std::uint64_t>(stalled.count() * 100 / span.count());
    for (std::size_t i = 0; i < values.size(); i++) {
        if (missed > 0) {
            values[i] = decayed(values[i], power(kDecay[i], missed), 0);
        }
        values[i] = decayed(values[i], kDecay[i], percent * kPsiFixedOne);
    }
}

void psi_update_averages(Engine::State& state, Cgroup& group, Nanos now) {
    PsiGroup& psi = psi_of(state, group);
    if (now < psi.next_update) {
        return;
    }
    const Nanos period = psi_period(state);
    const std::int64_t missed = (now - psi.next_update).count() / period.count();
    const Nanos span = now - (psi.last_update + period * missed);
    psi.next_update += period * (missed + 1);
    psi.last_update = now;
    const PsiTotals& totals = psi.totals[static_cast<std::size_t>(PsiAggregator::kAverages)];
    for (std::size_t i = 0; i < kPsiShown; i++) {
        // What does not fit into the span is left for the next one.
        const Nanos stalled = std::min(totals[i] - psi.averaged[i], span);
        psi.averaged[i] += stalled;
        psi.averages[i].sample(static_cast<std::uint64_t>(missed), stalled, span);
    }
}

}  // namespace memcgfs::engine
