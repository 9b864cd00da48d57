// SPDX-License-Identifier: MIT
#include "cli/size.h"

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

TEST_CASE("sizes have at most one suffix", "[cli]") {
    CHECK(parse_size("0") == Bytes{0});
    CHECK(parse_size("4096") == Bytes{4096});
    CHECK(parse_size("1k") == Bytes{1024});
    CHECK(parse_size("512M") == Bytes{512ULL << 20});
    CHECK(parse_size("1G") == Bytes{1ULL << 30});
    CHECK(parse_size("3t") == Bytes{3ULL << 40});
}

TEST_CASE("what is no size, or too large, is refused", "[cli]") {
    for (const char* text : {"", "G", "-1", "+1", " 1", "1 ", "1GB", "1.5G", "0x10", "1X",
                             "9223372036854775808", "8388608T", "99999999999999999999"}) {
        INFO(text);
        CHECK_FALSE(parse_size(text));
    }
    CHECK(parse_size("9223372036854775807") == Bytes{INT64_MAX});
    CHECK(parse_size("8388607T") == Bytes{8388607ULL << 40});
}

TEST_CASE("sizes are shown in a unit that suits them", "[cli]") {
    CHECK(size_text(Bytes{0}) == "0");
    CHECK(size_text(Bytes{1023}) == "1023");
    CHECK(size_text(Bytes{4096}) == "4.0K");
    CHECK(size_text(Bytes{(1ULL << 20) * 3 / 2}) == "1.5M");
    CHECK(size_text(Bytes{(1ULL << 30) * 1000}) == "1000G");
    CHECK(size_text(Bytes{INT64_MAX}) == "8.0E");
}

}  // namespace
}  // namespace memcgfs::cli
