// SPDX-License-Identifier: MIT
#include "runner/process_tree.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "child.h"
#include "support/catch.hpp"

namespace memcgfs::runner {
namespace {

TEST_CASE("a stat line is read from behind the command's name", "[runner]") {
    ProcessStat stat;
    REQUIRE(parse_process_stat("42 (a) R 1 (b)) S 7 42 42 0", stat));
    CHECK(stat.pid == 42);
    CHECK(stat.parent == 7);
    CHECK(stat.state == 'S');
    CHECK_FALSE(parse_process_stat("", stat));
    CHECK_FALSE(parse_process_stat("42 (a)", stat));
    CHECK_FALSE(parse_process_stat("42 a S 7", stat));
}

TEST_CASE("a file that cannot be read to its end is as good as none", "[runner]") {
    CHECK(contents_of("/proc/self/stat").starts_with(std::to_string(getpid()) + " ("));
    CHECK(contents_of("/proc/self/nosuch").empty());
    CHECK(contents_of("/proc/self/task").empty());  // opens, but reading fails
}

TEST_CASE("descendants are found at any depth, exceptions with theirs left out", "[runner]") {
    test::Pipe said;
    const pid_t child = test::fork_body([&] {
        const pid_t grandchild = test::fork_body([&] {
            static_cast<void>(write(said.write_end.get(), "x", 1) == 1);
            pause();
            return 0;
        });
        return test::wait_status(grandchild);
    });
    std::string text;
    REQUIRE(test::read_exactly(said.read_end.get(), text, 1));

    const auto below = descendants(getpid(), -1);
    CHECK(below.size() == 2);
    CHECK(std::any_of(below.begin(), below.end(),
                      [&](const ProcessStat& process) { return process.parent == child; }));
    CHECK(descendants(getpid(), child).empty());
    for (const ProcessStat& process : below) {
        kill(process.pid, SIGKILL);
    }
    test::wait_status(child);
}

}  // namespace
}  // namespace memcgfs::runner
