// SPDX-License-Identifier: MIT
//
// How long to look for the next request before sleeping.
//
// A thread that sleeps until a request comes is woken by the client's CPU, which costs both several
// microseconds, in a virtual machine more than all the rest of a short request. Where one request
// follows another, looking again and again is quicker and no dearer. So it is done while it pays:
// the window opens when requests come soon after each other and closes with the first that does
// not. An idle server sleeps. (The kernel does the same for virtual CPUs: halt_poll_ns of KVM.)
#pragma once

#include <algorithm>

#include "memcgfs/base/units.h"

namespace memcgfs::fuse {

class PollWindow {
public:
    /// The longest time that is spent looking in vain.
    static constexpr Nanos kMost = from_micros(50);

    /// How long to look, now that there is no request; zero: sleep at once.
    Nanos length() const { return length_; }

    /// The next request came after so long.
    void request_came_after(Nanos waited) {
        if (waited > kMost) {
            length_ = Nanos{0};
        } else if (waited > length_) {
            length_ = std::clamp(length_ * 2, kFirst, kMost);
        }
    }

private:
    static constexpr Nanos kFirst = from_micros(10);

    Nanos length_{0};
};

}  // namespace memcgfs::fuse
