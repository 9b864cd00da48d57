// SPDX-License-Identifier: MIT
#include "cli/state_text.h"

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

TEST_CASE("whoever is held sleeps in its stat", "[cli]") {
    const std::string text = "12 (sh) t 11 12 11 0 -1 4194304\n";
    CHECK(state_in(text) == 't');
    CHECK(with_state(text, 'D') == "12 (sh) D 11 12 11 0 -1 4194304\n");
}

TEST_CASE("a name may look like the rest of a stat", "[cli]") {
    const std::string text = "12 (a) t 1 (b) t 11 12 11\n";
    CHECK(with_state(text, 'R') == "12 (a) t 1 (b) R 11 12 11\n");
}

TEST_CASE("whoever is held sleeps in its status, and nobody traces it", "[cli]") {
    const std::string text =
        "Name:\tsh\nUmask:\t0022\nState:\tt (tracing stop)\nTgid:\t12\nTracerPid:\t4711\nUid:\t0\n";
    CHECK(state_in(text) == 't');
    CHECK(with_state(text, 'D') ==
          "Name:\tsh\nUmask:\t0022\nState:\tD (disk sleep)\nTgid:\t12\nTracerPid:\t0\nUid:\t0\n");
    CHECK(with_state(text, 'R') ==
          "Name:\tsh\nUmask:\t0022\nState:\tR (running)\nTgid:\t12\nTracerPid:\t0\nUid:\t0\n");
}

TEST_CASE("no state is found in other texts", "[cli]") {
    for (const char* text : {"", "Name:\tsh\n", "12 (sh", "12 (sh) "}) {
        CHECK(state_in(text) == '\0');
        CHECK(with_state(text, 'D') == text);
    }
}

}  // namespace
}  // namespace memcgfs::cli
