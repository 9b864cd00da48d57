// SPDX-License-Identifier: MIT
//
// How often processes are looked at that give no sign of their own: the nearer to a limit and the
// faster they grow, the more often; never more than a small part of a processor.
//
// Threads: one; no locks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "memcgfs/base/units.h"

namespace memcgfs::meter {

class TickPace {
public:
    /// What the last round found.
    struct Round {
        Nanos took{};  ///< of the processor
        bool grew = false;
        Pages headroom = kPageCounterMax;  ///< the least of those that grew
    };

    /// How long after the end of that round the next one is due.
    Nanos after(const Round& round) {
        const Nanos slowest = std::clamp(round.took * kTimesItself, kSlowest, kSlowestOfAll);
        if (round.grew) {
            const auto pages =
                static_cast<std::int64_t>(std::min(round.headroom, Pages{kFarPages}).count());
            interval_ = std::clamp(kPerPage * pages, kFastest, slowest);
        } else {
            interval_ = std::min(interval_ * 2, slowest);
        }
        return interval_;
    }

    /// Something is about to grow: the next round is due at once.
    Nanos hurry() { return interval_ = kFastest; }

private:
    /// A program at full speed takes about a microsecond a page; there is to be time for a second
    /// look before the limit.
    static constexpr Nanos kPerPage{600};
    static constexpr Nanos kFastest = from_micros(50);
    static constexpr Nanos kSlowest = from_millis(10);
    /// Keeps the rounds of those who stand still at half a hundredth of a processor.
    static constexpr std::int64_t kTimesItself = 200;
    static constexpr Nanos kSlowestOfAll = from_millis(10'000);
    static constexpr std::uint64_t kFarPages = 1 << 20;

    Nanos interval_ = kSlowest;
};

}  // namespace memcgfs::meter
