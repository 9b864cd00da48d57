// SPDX-License-Identifier: MIT
#include "cli/limits_text.h"

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

TEST_CASE("a process's limits do not show its tag", "[cli]") {
    const std::string head =
        "Limit                     Soft Limit           Hard Limit           Units     \n";
    const std::string tail =
        "Max pending signals       96343                96343                signals   \n";
    const std::string key = "Max file locks            ";
    const std::string rest = "unlimited            locks     \n";
    CHECK(without_tag(head + key + "13053210110123456789 " + rest + tail) ==
          head + key + "unlimited            " + rest + tail);
    CHECK(without_tag(head + tail) == head + tail);
    CHECK(without_tag("").empty());
}

}  // namespace
}  // namespace memcgfs::cli
