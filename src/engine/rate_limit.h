// SPDX-License-Identifier: MIT
//
// The kernel's brake on repeated log lines (___ratelimit, lib/ratelimit.c, 6.1).
#pragma once

#include <cstdint>
#include <optional>

#include "memcgfs/base/units.h"

namespace memcgfs::engine {

/// At most ten lines in five seconds, counted from the first one of a window.
class RateLimit {
public:
    struct Verdict {
        bool allowed = false;
        std::uint64_t suppressed = 0;  ///< of the window that has just ended, if any: to be told
    };

    Verdict ask(Nanos now) {
        constexpr Nanos kInterval = from_millis(5000);
        constexpr std::uint64_t kBurst = 10;
        Verdict verdict;
        if (!begin_ || now > *begin_ + kInterval) {
            verdict.suppressed = missed_;
            begin_ = now;
            printed_ = 0;
            missed_ = 0;
        }
        verdict.allowed = printed_ < kBurst;
        (verdict.allowed ? printed_ : missed_)++;
        return verdict;
    }

private:
    std::optional<Nanos> begin_;
    std::uint64_t printed_ = 0;
    std::uint64_t missed_ = 0;
};

}  // namespace memcgfs::engine
