// SPDX-License-Identifier: MIT
//
// How often files are announced as changed (engine.md 2.4).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;

int announced(EngineFixture& machine, const Cgroup& group, NotifyFile file) {
    int count = 0;
    for (const FileModifiedEffect& effect : machine.sink.modified) {
        count += effect.cgroup == group.id && effect.file == file ? 1 : 0;
    }
    return count;
}

TEST_CASE("a burst is announced once at its begin and once 12 ms later", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make(machine.root(), "g");
    machine.clock.advance(from_millis(1000));
    const auto count = [&] { return announced(machine, group, NotifyFile::kCgroupEvents); };
    // Each joins an empty group and leaves it again: two changes of populated.
    const auto in_and_out = [&] { machine.engine.exit_task(machine.add_task(group)); };
    in_and_out();
    CHECK(count() == 1);
    machine.clock.advance(from_millis(5));
    in_and_out();
    CHECK(count() == 1);
    REQUIRE(machine.sink.spawned.size() == 1);
    const Nanos begin = machine.clock.now();
    machine.run_spawned();
    CHECK(count() == 2);
    CHECK(machine.clock.now() - begin == from_millis(7));  // three ticks of 4 ms after the first
    // The second announcement starts an interval of its own.
    in_and_out();
    CHECK(count() == 2);
    machine.run_spawned();
    CHECK(count() == 3);
    machine.clock.advance(from_millis(12));
    in_and_out();
    CHECK(count() == 4);
}

TEST_CASE("each file of each group has its own interval", "[engine][notify]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    machine.clock.advance(from_millis(1000));
    const TaskId task = machine.add_task(child);
    REQUIRE(machine.run(machine.engine.set_memory_max(*child.memcg, Pages{256})).ok());
    CHECK_FALSE(machine.anon(task, 1024).ok());
    CHECK(announced(machine, parent, NotifyFile::kMemoryEvents) == 1);
    CHECK(announced(machine, child, NotifyFile::kMemoryEvents) == 1);
    CHECK(announced(machine, child, NotifyFile::kMemoryEventsLocal) == 1);
    CHECK(announced(machine, parent, NotifyFile::kMemoryEventsLocal) == 0);
    CHECK(announced(machine, child, NotifyFile::kCgroupEvents) == 1);
    machine.run_spawned();
    CHECK(announced(machine, parent, NotifyFile::kMemoryEvents) == 2);
}

TEST_CASE("an announcement that is due when its group has gone is none", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make(machine.root(), "g");
    machine.engine.exit_task(machine.add_task(group));
    const std::size_t before = machine.sink.modified.size();
    REQUIRE(machine.sink.spawned.size() >= 1);
    REQUIRE(machine.engine.remove_cgroup(group.id).ok());
    machine.run_spawned();
    CHECK(machine.sink.modified.size() == before);
}

}  // namespace
}  // namespace memcgfs::engine
