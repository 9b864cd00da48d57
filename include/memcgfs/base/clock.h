// SPDX-License-Identifier: MIT
//
// Time as an object: nothing in the tree reads a clock of its own.
#pragma once

#include "memcgfs/base/units.h"

namespace memcgfs {

/// Monotonic time since an arbitrary start. now() never goes back and may be called by any thread.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Nanos now() const = 0;
};

/// A clock that moves only when told. Not thread safe: the simulator is single threaded.
class ManualClock final : public Clock {
public:
    Nanos now() const override { return now_; }
    void advance_to(Nanos time) {
        if (time > now_) {
            now_ = time;
        }
    }
    void advance(Nanos length) { now_ += length; }

private:
    Nanos now_{};
};

}  // namespace memcgfs
