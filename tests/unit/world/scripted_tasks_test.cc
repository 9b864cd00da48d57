// SPDX-License-Identifier: MIT
#include "memcgfs/world/scripted_tasks.h"

#include "support/catch.hpp"

namespace memcgfs::world {
namespace {

TEST_CASE("scripted processes are found as live ones are", "[world]") {
    ScriptedTasks tasks;
    ProcessInfo process;
    process.pid = 20;
    tasks.put(process);
    process.pid = 10;
    tasks.put(process);
    process.pid = 15;
    process.zombie = true;
    tasks.put(process);
    tasks.put_thread(21, 20);
    tasks.set_css_set(20, 4);

    CHECK(tasks.find(21, 10)->pid == 20);
    CHECK(tasks.find(0, 21)->css_set == 4);
    CHECK(tasks.find(21, 10)->tid == 21);
    CHECK(tasks.threads_of(20) == std::vector<std::int32_t>{20, 21});
    CHECK(tasks.threads_of(21).empty());
    tasks.remove_thread(21);
    CHECK(tasks.threads_of(20) == std::vector<std::int32_t>{20});
    CHECK(tasks.find(0, 99).error() == Errno::kESRCH);
    const auto alive = tasks.snapshot();
    REQUIRE(alive.size() == 2);
    CHECK(alive[0].pid == 10);
    CHECK(alive[1].pid == 20);
    tasks.remove(20);
    CHECK(tasks.find(20, 10).error() == Errno::kESRCH);
}

}  // namespace
}  // namespace memcgfs::world
