// SPDX-License-Identifier: MIT
#include <algorithm>

#include "memcgfs/engine/wmark.h"

namespace memcgfs::engine {

WmarkLevels compute_wmark(const WmarkInput& input) {
    if (input.ratio_percent == 0) {
        return {};
    }
    const Pages base = std::min(input.max, input.high);
    const Pages high = base * input.ratio_percent / 100;
    const Pages gap = base * input.scale_factor / 10000;
    return {high, high - gap};  // may wrap: see the header
}

}  // namespace memcgfs::engine
