// SPDX-License-Identifier: MIT
#include "memcgfs/interface/event_control.h"

#include <string>

#include "support/catch.hpp"

namespace memcgfs::interface {
namespace {

TEST_CASE("event requests", "[interface]") {
    const auto plain = parse_event_request(" 5 6\n");
    REQUIRE(plain.ok());
    CHECK(plain->event_fd == 5);
    CHECK(plain->control_fd == 6);
    CHECK(plain->arguments.empty());
    const auto with_arguments = parse_event_request("010 3 low, x \n");
    REQUIRE(with_arguments.ok());
    CHECK(with_arguments->event_fd == 10);
    CHECK(with_arguments->arguments == "low, x");
    for (const auto* text : {" ", "x", "0", "5 ", "\n", "abc", "-1 3", "3 x", "0x5 6", "5\t6",
                             "5  6", "+5 6", "5 6x", "5 6\t7", "5 -6"}) {
        INFO(text);
        CHECK(parse_event_request(text).error() == Errno::kEINVAL);
    }
}

TEST_CASE("arguments of event requests", "[interface]") {
    const auto ok = [](std::string_view file, std::string_view arguments) {
        return parse_event_arguments(file, arguments).ok();
    };
    for (const auto* file : {"memory.usage_in_bytes", "memory.memsw.usage_in_bytes"}) {
        for (const auto* text : {"", "0", "1", "4096", "5M", "5m", "-1", "9223372036854775807",
                                 "18446744073709551616", "0x1000"}) {
            INFO(text);
            CHECK(ok(file, text));
        }
        for (const auto* text : {"max", "5x", " 5M", "5M 6M"}) {
            INFO(text);
            CHECK_FALSE(ok(file, text));
        }
    }
    for (const auto* text : {"low", "medium", "critical", "low,default", "low,local",
                             "low,hierarchy", "medium,local,default"}) {
        INFO(text);
        CHECK(ok("memory.pressure_level", text));
    }
    for (const auto* text : {"", "Low", "x", "low,x", "low local", "critical,", "5M"}) {
        INFO(text);
        CHECK_FALSE(ok("memory.pressure_level", text));
    }
    CHECK(ok("memory.oom_control", "anything"));
    for (const auto* file : {"memory.limit_in_bytes", "memory.stat", "tasks", "cgroup.procs",
                             "memory.kmem.usage_in_bytes"}) {
        CHECK_FALSE(ok(file, ""));
    }
}

}  // namespace
}  // namespace memcgfs::interface
