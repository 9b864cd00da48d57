// SPDX-License-Identifier: MIT
#include "fuse/poll_window.h"

#include "support/catch.hpp"

namespace memcgfs::fuse {
namespace {

TEST_CASE("a server that is idle does not look for requests", "[fuse][poll_window]") {
    PollWindow window;
    CHECK(window.length() == Nanos{0});
    window.request_came_after(from_millis(1));
    CHECK(window.length() == Nanos{0});
    window.request_came_after(PollWindow::kMost + Nanos{1});
    CHECK(window.length() == Nanos{0});
}

TEST_CASE("the window opens until it holds the time between requests", "[fuse][poll_window]") {
    PollWindow window;
    Nanos before = window.length();
    for (int i = 0; i < 10 && window.length() < from_micros(30); i++) {
        window.request_came_after(from_micros(30));
        CHECK(window.length() > before);
        before = window.length();
    }
    CHECK(window.length() >= from_micros(30));
    window.request_came_after(from_micros(30));
    CHECK(window.length() == before);  // long enough
    for (int i = 0; i < 10; i++) {
        window.request_came_after(PollWindow::kMost);
    }
    CHECK(window.length() == PollWindow::kMost);
}

TEST_CASE("the first long wait closes the window", "[fuse][poll_window]") {
    PollWindow window;
    window.request_came_after(from_micros(5));
    REQUIRE(window.length() > Nanos{0});
    window.request_came_after(from_millis(10));
    CHECK(window.length() == Nanos{0});
}

}  // namespace
}  // namespace memcgfs::fuse
