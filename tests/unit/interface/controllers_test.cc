// SPDX-License-Identifier: MIT
#include "memcgfs/interface/controllers.h"

#include "support/catch.hpp"

namespace memcgfs::interface {
namespace {

using engine::Controller;
using engine::mask_of;

TEST_CASE("controllers are named in the kernel's order", "[interface]") {
    const auto& profile = *engine::find_profile("6.12");
    const auto mask =
        mask_of(Controller::kMemory) | mask_of(Controller::kCpuset) | mask_of(Controller::kMisc);
    CHECK(controller_line(mask, profile) == "cpuset memory misc\n");
    CHECK(controller_line(0, profile).empty());
    CHECK(controller_name(Controller::kMisc, *engine::find_profile("5.10")).empty());
}

TEST_CASE("of one controller the last token counts", "[interface]") {
    const auto& profile = *engine::find_profile("6.12");
    const auto change = parse_subtree_control(" +memory  -io +io -memory\n", profile);
    REQUIRE(change.ok());
    CHECK(change->enable == mask_of(Controller::kIo));
    CHECK(change->disable == mask_of(Controller::kMemory));
    CHECK_FALSE(change->enable_implicit);
    CHECK(parse_subtree_control("+perf_event", profile)->enable_implicit);
    CHECK_FALSE(parse_subtree_control("+perf_event -perf_event", profile)->enable_implicit);
    for (const auto* text : {"memory", "+", "-", "++memory", "+memory\t-io", "+memory,-io",
                             "+devices", "+freezer", "+cpuacct", "+blkio", "+mem", "+memory x"}) {
        INFO(text);
        CHECK(parse_subtree_control(text, profile).error() == Errno::kEINVAL);
    }
    CHECK(parse_subtree_control("+misc", *engine::find_profile("5.10")).error() == Errno::kEINVAL);
}

}  // namespace
}  // namespace memcgfs::interface
