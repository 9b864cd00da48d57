// SPDX-License-Identifier: MIT
#include "memcgfs/replay/compare.h"

#include "support/catch.hpp"

namespace memcgfs::replay {
namespace {

TEST_CASE("outputs are compared exactly", "[replay]") {
    CHECK(same_output("50", "50\n"));
    CHECK(same_output("a  b  \nc", "a  b\nc\n\n"));
    CHECK_FALSE(same_output("50", "51"));
    CHECK_FALSE(same_output("a b", "a  b"));
    CHECK_FALSE(same_output("a", "a\nb"));
    CHECK_FALSE(same_output("a\n\nb", "a\nb"));
    CHECK(same_output("", "\n"));
}

TEST_CASE("what no two runs share does not count", "[replay]") {
    CHECK(same_output("[1] 19157\n0x7f", "0x7f\n[1]+  Exit 1                  ./mmap\n"));
    CHECK_FALSE(same_output("[1] x", ""));
    CHECK(same_output("-bash: echo: write error: x", "bash: line 12: echo: write error: x"));
    CHECK(same_output("bash: a", "bash: eval: line 3: a"));
    CHECK(same_output("2017-01-11 10:11:12 up", "2026-11-22 23:59:59 up"));
    CHECK_FALSE(same_output("2017-01-111", "2026-11-221"));
    CHECK_FALSE(same_output("10:11:12", "10:11"));
}

TEST_CASE("numbers may be near", "[replay]") {
    CHECK(same_output("Mem:   126   36", "Mem: 125  36", 1));
    CHECK_FALSE(same_output("Mem:   126   36", "Mem: 120  36", 1));
    CHECK(same_output("used 9.5 s", "used 9.4 s", 2));
    CHECK_FALSE(same_output("used 9 s", "used 9 ms", 50));
    CHECK_FALSE(same_output("1 2", "1", 100));
    CHECK_FALSE(same_output("1", "1\n2", 100));
    CHECK(same_output("0", "0", 10));
    CHECK_FALSE(same_output("0", "1", 10));
    CHECK(same_output("18446744073709551616", "18446744073709551616", 0.1));
}

TEST_CASE("a difference shows what lacks and what is too much", "[replay]") {
    CHECK(difference("a\nb\nc", "a\nx\ny\nc") == "  a\n- b\n+ x\n+ y\n  c\n");
    CHECK(difference("", "a") == "+ a\n");
    CHECK(difference("a\na", "a") == "  a\n- a\n");
}

}  // namespace
}  // namespace memcgfs::replay
