// SPDX-License-Identifier: MIT
#include "memcgfs/exec/system_clock.h"

#include <ctime>

#include "support/catch.hpp"

namespace memcgfs::exec {
namespace {

TEST_CASE("the system clock is CLOCK_MONOTONIC in nanoseconds", "[exec]") {
    const SystemClock clock;
    timespec before{};
    timespec after{};
    clock_gettime(CLOCK_MONOTONIC, &before);
    const Nanos now = clock.now();
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(now.count() >= before.tv_sec * 1'000'000'000 + before.tv_nsec);
    CHECK(now.count() <= after.tv_sec * 1'000'000'000 + after.tv_nsec);
}

}  // namespace
}  // namespace memcgfs::exec
