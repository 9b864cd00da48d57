// SPDX-License-Identifier: MIT
//
// The machine's own clock (CLOCK_MONOTONIC): the one real clock of the tree.
#pragma once

#include "memcgfs/base/clock.h"

namespace memcgfs::exec {

class SystemClock final : public Clock {
public:
    Nanos now() const override;
};

}  // namespace memcgfs::exec
