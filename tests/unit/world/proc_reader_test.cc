// SPDX-License-Identifier: MIT
#include "world/proc_reader.h"

#include "support/catch.hpp"

namespace memcgfs::world {
namespace {

TEST_CASE("a stat line's fields are found behind any comm", "[world]") {
    const auto stat = parse_stat(
        "42 (x) Z 1 (y) S 1 42 42 0 -1 4194560 10 0 0 0 1 2 0 0 20 0 3 0 987654 1000 10 5\n");
    REQUIRE(stat.ok());
    CHECK(stat->comm == "x) Z 1 (y");
    CHECK(stat->start_time == 987654);
    CHECK_FALSE(stat->kernel_thread);
    CHECK_FALSE(stat->zombie);
    const auto thread = parse_stat(
        "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 18446744073709551615\n");
    CHECK(thread->kernel_thread);
    CHECK(parse_stat("7 (a) Z 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n")->zombie);
    CHECK_FALSE(parse_stat("7 (a) Z 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 2 0 5 0 0\n")->zombie);
    CHECK(parse_stat("7 (a) Z 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 2 0 5 0 0\n")->first_thread_ended);
    CHECK(parse_stat("").error() == Errno::kESRCH);
}

TEST_CASE("a status file's names cannot be forged by a comm", "[world]") {
    const ProcStatus status = parse_status(
        "Name:\tUid:\\n\nState:\tS (sleeping)\nTgid:\t12\nPid:\t13\nUid:\t1\t2\t3\t4\n"
        "NStgid:\t12\t5\t1\nNSpid:\t13\t6\t2\n");
    CHECK(status.process == 12);
    CHECK(status.uid == 1);
    CHECK(status.saved_uid == 3);
    CHECK(status.namespace_pids == std::vector<std::int32_t>{13, 6, 2});
}

}  // namespace
}  // namespace memcgfs::world
