// SPDX-License-Identifier: MIT
#include "meter/tick_pace.h"

#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

TEST_CASE("who grows near a limit is looked at often, who stands still seldom") {
    TickPace pace;
    const Nanos near = pace.after({.grew = true, .headroom = Pages{256}});
    const Nanos far = pace.after({.grew = true, .headroom = Pages{4096}});
    CHECK(near < far);
    CHECK(near >= from_micros(50));
    CHECK(pace.after({.grew = true, .headroom = Pages{0}}) == from_micros(50));
    Nanos last = from_micros(50);
    for (int round = 0; round < 20; ++round) {
        const Nanos next = pace.after({});
        CHECK(next >= last);
        last = next;
    }
    CHECK(last == from_millis(10));
}

TEST_CASE("those who stand still cost a small part of a processor") {
    TickPace pace;
    Nanos last{};
    for (int round = 0; round < 20; ++round) {
        last = pace.after({.took = from_millis(5)});
    }
    CHECK(last >= from_millis(1000));
}

TEST_CASE("who grows where there is no limit is looked at no more often than needed") {
    TickPace pace;
    CHECK(pace.after({.grew = true}) == from_millis(10));
}

}  // namespace
}  // namespace memcgfs::meter
