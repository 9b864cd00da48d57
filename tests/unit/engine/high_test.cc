// SPDX-License-Identifier: MIT
//
// memory.high and memory.swap.high: exact delays for every HZ, and who is slowed down when.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

Machine free_of_cost() {
    Machine machine;
    machine.costs = {.fault = Nanos{0},
                     .file_read = Nanos{0},
                     .file_write = Nanos{0},
                     .reclaim_scan = Nanos{0},
                     .reclaim_unmap = Nanos{0},
                     .swap_out = Nanos{0},
                     .swap_in = Nanos{0}};
    return machine;
}

TEST_CASE("memory.high slows a task down by exact numbers (G2)", "[engine][high]") {
    struct Vector {
        std::uint32_t hz;
        std::uint64_t first_sleep;  ///< counter at it
        std::uint64_t events;
        std::int64_t ticks;
    };
    const Vector vector = GENERATE(Vector{100, 26112, 262, 136}, Vector{250, 25984, 294, 365},
                                   Vector{1000, 25984, 294, 1486});
    Machine shape = free_of_cost();
    shape.hz = vector.hz;
    EngineFixture machine("6.12", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, mib(100))).ok());
    const TaskId task = machine.add_task(group);

    REQUIRE(machine.anon(task, 25600).ok());
    CHECK(group.memcg->event(MemcgEvent::kHigh) == 0);
    REQUIRE(machine.anon(task, 1).ok());
    CHECK(group.memcg->event(MemcgEvent::kHigh) == 1);
    REQUIRE(machine.anon(task, vector.first_sleep - 64 - 25601).ok());
    CHECK(machine.clock.now() == Nanos{0});
    REQUIRE(machine.anon(task, 1).ok());
    CHECK(machine.clock.now() > Nanos{0});
    CHECK(group.memcg->memory.usage() == Pages{vector.first_sleep});
    REQUIRE(machine.anon(task, 27000 - (vector.first_sleep - 64) - 1).ok());

    CHECK(group.memcg->memory.usage() == Pages{27008});
    CHECK(group.memcg->event(MemcgEvent::kHigh) == vector.events);
    CHECK(machine.clock.now() == from_millis(vector.ticks * 1000 / vector.hz));
}

TEST_CASE("the table of delays above 100 MiB", "[engine][high]") {
    // Usage in MiB, then ticks at 100, 250 and 1000 HZ; up to HZ/100 no sleep follows.
    const auto [usage, at_100, at_250, at_1000] =
        GENERATE(table<std::uint64_t, std::int64_t, std::int64_t, std::int64_t>({
            {101, 0, 0, 0},
            {102, 2, 6, 25},
            {103, 5, 14, 57},
            {105, 15, 39, 159},
            {108, 40, 102, 409},
            {110, 63, 159, 639},
            {115, 143, 359, 1439},
            {117, 184, 462, 1849},
            {118, 200, 500, 2000},
            {150, 200, 500, 2000},
        }));
    const std::uint32_t hz = GENERATE(100U, 250U, 1000U);
    const std::int64_t ticks = hz == 100 ? at_100 : hz == 250 ? at_250 : at_1000;
    Machine shape = free_of_cost();
    shape.hz = hz;
    EngineFixture machine("6.1", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, mib(usage).count() - 64).ok());
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, mib(100))).ok());
    REQUIRE(machine.clock.now() == Nanos{0});
    REQUIRE(machine.anon(task, 64).ok());
    CHECK(machine.clock.now() == from_millis(ticks * 1000 / hz));
}

TEST_CASE("swap above memory.swap.high slows down and counts", "[engine][high]") {
    Machine shape = free_of_cost();
    test::add_zram(shape, mib(64));
    EngineFixture machine("6.1", Layout::kV2, shape);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& group = machine.make_memory(parent, "g");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, mib(11).count()).ok());
    REQUIRE(machine.run(machine.engine.pageout(task)).ok());
    machine.engine.counter(*parent.memcg, CounterKind::kSwap).set_high(mib(10));
    REQUIRE(machine.anon(task, 63).ok());
    CHECK(parent.memcg->event(MemcgEvent::kSwapHigh) > 0);
    CHECK(parent.memcg->event_local(MemcgEvent::kSwapHigh) == 17);  // once a pass, 16 retries
    CHECK(group.memcg->event(MemcgEvent::kSwapHigh) == 0);
    CHECK(parent.memcg->event(MemcgEvent::kHigh) == 0);
    CHECK(machine.clock.now() == from_millis(159 * 4));  // a tenth above, as in the table
}

TEST_CASE("a long system call is slowed down while it lasts", "[engine][high]") {
    const bool bounded = GENERATE(true, false);
    EngineFixture machine(bounded ? "6.1" : "5.10", Layout::kV2, free_of_cost());
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, Pages{1})).ok());
    const TaskId task = machine.add_task(group);
    const MappingId shmem = machine.engine.create_mapping(task, PageKind::kShmem);
    OperationPtr write = machine.engine.file_io(task, shmem, {0, 256}, Access::kWrite, 256);
    while (machine.clock.now() == Nanos{0}) {
        const Step step = write->step();
        REQUIRE(step.kind != Step::Kind::kDone);
        machine.clock.advance_to(step.until);
    }
    // The second batch of the call is the first that is too much; before 5.17 only the end is.
    CHECK(group.memcg->memory.usage() == Pages{bounded ? 128U : 256U});
    CHECK(machine.run(std::move(write)).ok());
}

TEST_CASE("4.19 reclaims above memory.high and does not sleep", "[engine][high]") {
    EngineFixture machine("alinux2", Layout::kV2, free_of_cost());
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, mib(1))).ok());
    REQUIRE(machine.anon(machine.add_task(group), mib(2).count()).ok());
    CHECK(machine.clock.now() == Nanos{0});
    CHECK(group.memcg->event(MemcgEvent::kHigh) == mib(1).count() / 32);
}

TEST_CASE("6.12 lets a dying task off the rest of its passes", "[engine][high]") {
    const auto* profile = GENERATE("6.1", "6.12");
    EngineFixture machine(profile, Layout::kV2, free_of_cost());
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 100).ok());
    machine.engine.counter(*group.memcg, CounterKind::kMemory).set_high(Pages{1});
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    OperationPtr fault = machine.engine.touch(task, region, {0, 640}, Access::kWrite);
    while (group.memcg->event(MemcgEvent::kHigh) == 0) {
        REQUIRE(fault->step().kind == Step::Kind::kYield);
    }
    machine.engine.exit_task(task);
    CHECK_FALSE(machine.run(std::move(fault)).ok());
    CHECK((group.memcg->event(MemcgEvent::kHigh) == 1) == (std::string_view(profile) == "6.12"));
    CHECK(machine.clock.now() == Nanos{0});
}

TEST_CASE("with memory_localevents only the group itself counts (G13)", "[engine][events]") {
    const bool local = GENERATE(false, true);
    MountFlags flags;
    flags.memory_localevents = local;
    EngineFixture machine("6.1", Layout::kV2, {}, {}, nullptr, flags);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    machine.limit(child, mib(1));
    REQUIRE_FALSE(machine.anon(machine.add_task(child), mib(2).count()).ok());
    for (const MemcgEvent event : {MemcgEvent::kMax, MemcgEvent::kOom, MemcgEvent::kOomKill}) {
        const std::uint64_t count = child.memcg->event_local(event);
        CHECK(count > 0);
        CHECK(child.memcg->event(event) == count);
        CHECK(parent.memcg->event(event) == (local ? 0 : count));
        CHECK(parent.memcg->event_local(event) == 0);
    }
}

TEST_CASE("the options are not known to 4.19", "[engine][events]") {
    MountFlags flags;
    flags.memory_localevents = true;
    EngineFixture machine("alinux2", Layout::kV2, {}, {}, nullptr, flags);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    machine.limit(child, mib(1));
    REQUIRE_FALSE(machine.anon(machine.add_task(child), mib(2).count()).ok());
    CHECK(parent.memcg->event(MemcgEvent::kOomKill) == 1);
}

}  // namespace
}  // namespace memcgfs::engine
