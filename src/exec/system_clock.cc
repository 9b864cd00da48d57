// SPDX-License-Identifier: MIT
#include "memcgfs/exec/system_clock.h"

#include <ctime>

namespace memcgfs::exec {

Nanos SystemClock::now() const {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return Nanos{time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec};
}

}  // namespace memcgfs::exec
