// SPDX-License-Identifier: MIT
#include "meter/tick_pace.h"

#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

TEST_CASE("who grows near a limit is looked at often, who stands still seldom") {
    TickPace pace;
    const Nanos near = pace.after({.processes = 1, .grew = true, .headroom = Pages{256}});
    const Nanos far = pace.after({.processes = 1, .grew = true, .headroom = Pages{4096}});
    CHECK(near < far);
    CHECK(near >= from_micros(50));
    CHECK(pace.after({.processes = 1, .grew = true, .headroom = Pages{0}}) == from_micros(50));
    Nanos last = from_micros(50);
    for (int round = 0; round < 20; ++round) {
        const Nanos next = pace.after({.processes = 1});
        CHECK(next >= last);
        last = next;
    }
    CHECK(last == from_millis(10));
}

TEST_CASE("many processes are looked at more seldom: a small part of a processor") {
    TickPace pace;
    Nanos last{};
    for (int round = 0; round < 20; ++round) {
        last = pace.after({.processes = 1000});
    }
    CHECK(last >= from_millis(200));
}

TEST_CASE("who grows where there is no limit is looked at no more often than needed") {
    TickPace pace;
    CHECK(pace.after({.processes = 1, .grew = true}) == from_millis(10));
}

}  // namespace
}  // namespace memcgfs::meter
