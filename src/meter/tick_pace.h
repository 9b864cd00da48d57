// SPDX-License-Identifier: MIT
//
// How often processes are looked at that give no sign of their own: the nearer to a limit and the
// faster they grow, the more often; never more than a small part of a processor.
//
// Threads: one; no locks.
#pragma once

#include <algorithm>
#include <cstddef>

#include "memcgfs/base/units.h"

namespace memcgfs::meter {

class TickPace {
public:
    /// What the last round found.
    struct Round {
        std::size_t processes = 0;
        bool grew = false;
        Pages headroom = kPageCounterMax;  ///< the least of those that grew
    };

    /// How long after the end of that round the next one is due.
    Nanos after(const Round& round) {
        const Nanos slowest =
            std::max(kSlowest, kPerProcess * static_cast<std::int64_t>(round.processes));
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
    /// A look takes under 2 us: this keeps a round of many below a hundredth of a processor.
    static constexpr Nanos kPerProcess = from_micros(300);
    static constexpr std::uint64_t kFarPages = 1 << 20;

    Nanos interval_ = kSlowest;
};

}  // namespace memcgfs::meter
