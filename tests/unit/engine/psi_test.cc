// SPDX-License-Identifier: MIT
//
// memory.pressure: states, totals, averages, triggers (engine.md 8.5).
#include <cstdint>
#include <cstdlib>
#include <map>

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr Nanos kPeriod{2'004'000'000};  // 501 ticks of 4 ms

/// avg10, avg60 and avg300 as printed, times 100.
std::array<std::uint64_t, 3> printed(const PsiAverages& averages) {
    std::array<std::uint64_t, 3> values{};
    for (std::size_t i = 0; i < values.size(); i++) {
        const std::uint64_t value = averages.values[i];
        values[i] = value / kPsiFixedOne * 100 + value % kPsiFixedOne * 100 / kPsiFixedOne;
    }
    return values;
}

using Printed = std::array<std::uint64_t, 3>;

TEST_CASE("averages of constant pressure (G6)", "[engine][psi]") {
    PsiAverages full;
    PsiAverages tenth;
    std::map<int, Printed> full_after;
    std::map<int, Printed> tenth_after;
    for (int period = 1; period <= 30; period++) {
        full.sample(0, kPeriod, kPeriod);
        tenth.sample(0, kPeriod / 10, kPeriod);
        full_after[period] = printed(full);
        tenth_after[period] = printed(tenth);
    }
    CHECK(full_after[1] == Printed{1811, 327, 68});
    CHECK(full_after[2] == Printed{3294, 643, 136});
    CHECK(full_after[5] == Printed{6318, 1532, 337});
    CHECK(full_after[10] == Printed{8644, 2829, 663});
    CHECK(full_after[30] == Printed{9975, 6313, 1860});
    CHECK(tenth_after[1] == Printed{181, 32, 6});
    CHECK(tenth_after[10] == Printed{864, 283, 66});
}

TEST_CASE("averages decay without pressure (G6)", "[engine][psi]") {
    PsiAverages averages;
    averages.sample(0, kPeriod, kPeriod);
    PsiAverages missing = averages;
    averages.sample(0, Nanos{0}, kPeriod);
    CHECK(printed(averages) == Printed{1483, 316, 67});
    // Periods that nobody sampled decay like those without pressure.
    for (int period = 0; period < 3; period++) {
        averages.sample(0, Nanos{0}, kPeriod);
    }
    missing.sample(3, Nanos{0}, kPeriod);
    const auto decayed = static_cast<std::int64_t>(printed(averages)[0]);
    CHECK(std::abs(static_cast<std::int64_t>(printed(missing)[0]) - decayed) <= 2);
}

TEST_CASE("the percentage of a sample is a whole number", "[engine][psi]") {
    PsiAverages averages;
    averages.sample(0, kPeriod * 109 / 10000, kPeriod);  // 1.09 %
    PsiAverages one;
    one.sample(0, kPeriod / 100, kPeriod);
    CHECK(printed(averages) == printed(one));
}

/// A machine whose reclaim takes its time, and a group that thrashes.
struct Thrashing {
    explicit Thrashing(std::uint32_t cpus = 1, const char* profile = "6.1")
        : machine(profile, Layout::kV2, shape(cpus)),
          parent(machine.make_memory(machine.root(), "p")),
          group(machine.make_memory(parent, "g")),
          other(machine.make_memory(parent, "o")) {
        REQUIRE(machine.run(machine.engine.set_memory_max(*group.memcg, mib(4))).ok());
        task = machine.add_task(group);
    }
    static Machine shape(std::uint32_t cpus) {
        Machine wanted;
        wanted.cpus = cpus;
        wanted.costs = {};
        wanted.costs.fault = Nanos{0};
        wanted.costs.reclaim_scan = Nanos{0};
        wanted.costs.reclaim_unmap = Nanos{0};
        wanted.costs.swap_out = from_millis(1);
        wanted.costs.swap_in = Nanos{0};
        test::add_zram(wanted, mib(64));
        return wanted;
    }
    Nanos some(Cgroup& of) { return machine.engine.pressure(of, PsiState::kSome).total; }
    Nanos full(Cgroup& of) { return machine.engine.pressure(of, PsiState::kFull).total; }

    EngineFixture machine;
    Cgroup& parent;
    Cgroup& group;
    Cgroup& other;
    TaskId task;
};

TEST_CASE("reclaim at a limit is a stall of the group and all above it", "[engine][psi]") {
    Thrashing world;
    EngineFixture& machine = world.machine;
    REQUIRE(machine.anon(world.task, mib(6).count()).ok());
    // Each page that was swapped out took a millisecond of somebody's fault.
    const auto swapped = static_cast<std::int64_t>(world.group.memcg->swap.usage().count());
    REQUIRE(swapped >= 512);
    machine.clock.advance(from_millis(10'000));
    CHECK(world.some(world.group) == from_millis(swapped));
    CHECK(world.full(world.group) == from_millis(swapped));
    CHECK(world.some(world.parent) == from_millis(swapped));
    CHECK(world.some(machine.root()) == from_millis(swapped));
    CHECK(world.some(world.other) == Nanos{0});
    machine.engine.check_invariants();
}

TEST_CASE("waiting for pages of the working set is a stall, a first read is none",
          "[engine][psi]") {
    Machine shape;
    shape.costs.file_read = from_millis(1);
    shape.costs.reclaim_scan = Nanos{0};
    EngineFixture machine("6.1", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    const MappingId file = machine.engine.create_mapping({}, PageKind::kFile);
    const auto some = [&] { return machine.engine.pressure(group, PsiState::kSome).total; };
    // Read twice, the pages are active; taken away from there they are the working set.
    REQUIRE(machine.read_file(task, file, 512).ok());
    REQUIRE(machine.read_file(task, file, 512).ok());
    REQUIRE(group.memcg->stat(StatItem::kActiveFile) == 512);
    CHECK(some() == Nanos{0});
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, Pages{64})).ok());
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, kPageCounterMax)).ok());
    const std::int64_t gone = 512 - group.memcg->stat(StatItem::kFile);
    REQUIRE(gone > 400);
    REQUIRE(machine.read_file(task, file, 512).ok());
    machine.clock.advance(from_millis(10'000));
    CHECK(group.memcg->stat(StatItem::kWorkingsetRestoreFile) > 0);
    CHECK(some() == from_millis(group.memcg->stat(StatItem::kWorkingsetRestoreFile)));
}

TEST_CASE("a task that reclaims for a full machine stalls, and its group does", "[engine][psi]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Machine shape;
    shape.memory = mib(1024);
    shape.thp = ThpMode::kNever;
    shape.nodes.resize(1);
    shape.nodes[0].managed[static_cast<std::size_t>(ZoneType::kNormal)] = mib(1024);
    shape.costs = {};
    shape.costs.fault = Nanos{0};
    shape.costs.file_read = Nanos{0};
    shape.costs.reclaim_unmap = Nanos{0};
    shape.costs.reclaim_scan = from_millis(1);
    EngineFixture machine(profile, Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Cgroup& other = machine.make_memory(machine.root(), "o");
    const auto total = [&](Cgroup& of, PsiState which) {
        return machine.engine.pressure(of, which).total;
    };
    // The other group's cache fills the zone to the min mark; kswapd does not get a turn.
    const MappingId cache = machine.engine.create_mapping({}, PageKind::kFile);
    const ZoneStat zone =
        machine.engine.machine_stat().nodes[0].zones[static_cast<std::size_t>(ZoneType::kNormal)];
    REQUIRE(machine.read_file(machine.add_task(other), cache, (zone.free - zone.min).count()).ok());
    REQUIRE(machine.engine.machine_stat().event(VmEvent::kAllocstallMovable) == 0);
    CHECK(total(machine.root(), PsiState::kSome) == Nanos{0});

    REQUIRE(machine.anon(machine.add_task(group), 100).ok());
    REQUIRE(machine.engine.machine_stat().event(VmEvent::kAllocstallMovable) > 0);
    const std::int64_t scanned = other.memcg->stat(StatItem::kPgscanDirect);
    REQUIRE(scanned >= 100);
    // Aging looks at pages, too: each one looked at is a millisecond of the task's.
    const Nanos stall = from_millis(scanned + group.memcg->stat(StatItem::kPgscanDirect) +
                                    group.memcg->stat(StatItem::kPgrefill) +
                                    other.memcg->stat(StatItem::kPgrefill));
    machine.clock.advance(from_millis(100'000));
    for (const PsiState which : {PsiState::kSome, PsiState::kFull}) {
        CHECK(total(group, which) == stall);
        CHECK(total(machine.root(), which) == stall);
        CHECK(total(other, which) == Nanos{0});  // whose pages they are does not matter
    }
    machine.engine.check_invariants();
}

TEST_CASE("memory.reclaim and writes to limits are no stall", "[engine][psi]") {
    Thrashing world;
    EngineFixture& machine = world.machine;
    REQUIRE(machine.anon(world.task, mib(3).count()).ok());
    REQUIRE(machine.run(machine.engine.reclaim_pages(*world.group.memcg, mib(1), {})).ok());
    REQUIRE(machine.run(machine.engine.set_memory_max(*world.group.memcg, mib(1))).ok());
    CHECK(world.group.memcg->swap.usage() > mib(1));
    CHECK(world.some(world.group) == Nanos{0});
    CHECK(world.some(machine.root()) == Nanos{0});
}

TEST_CASE("a memory.high sleep is a full stall", "[engine][psi]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, mib(100))).ok());
    // G2: 365 ticks of sleep.
    REQUIRE(machine.anon(machine.add_task(group), 27000).ok());
    const Nanos slept = from_millis(365 * 4);
    const Nanos some = machine.engine.pressure(group, PsiState::kSome).total;
    // Work booked before each of the 17 sleeps, less than a millisecond, is worked off in them.
    CHECK(some > slept - from_millis(17));
    CHECK(some < slept + from_millis(1));  // and the time reclaim needed to find nothing
    CHECK(machine.engine.pressure(group, PsiState::kFull).total == some);
}

TEST_CASE("somebody who runs makes a stall less than full", "[engine][psi]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, mib(100))).ok());
    const TaskId sleeper = machine.add_task(group);
    const TaskId runner = machine.add_task(group);
    const MappingId resident = machine.engine.create_mapping(runner, PageKind::kAnon);
    const auto access = [&] {
        return machine.engine.touch(runner, resident, {0, 1024}, Access::kRead);
    };
    REQUIRE(machine.run(access()).ok());
    REQUIRE(machine.anon(sleeper, 28000).ok());
    const Nanos full_before = machine.engine.pressure(group, PsiState::kFull).total;
    const Nanos some_before = machine.engine.pressure(group, PsiState::kSome).total;
    const MappingId region = machine.engine.create_mapping(sleeper, PageKind::kAnon);
    const OperationPtr throttled = machine.engine.touch(sleeper, region, {0, 640}, Access::kWrite);
    Step step = throttled->step();
    while (step.kind != Step::Kind::kSleep) {
        step = throttled->step();
    }
    const Nanos length = step.until - machine.clock.now();
    REQUIRE(length > from_millis(100));
    // For half of that time the other one is in the middle of something.
    machine.clock.advance(length / 4);
    OperationPtr reading = access();
    REQUIRE(reading->step().kind != Step::Kind::kDone);
    machine.clock.advance(length / 2);
    machine.engine.check_invariants();
    reading.reset();
    const Nanos some = machine.engine.pressure(group, PsiState::kSome).total - some_before;
    const Nanos full = machine.engine.pressure(group, PsiState::kFull).total - full_before;
    CHECK(some > length / 4 * 3 - from_millis(1));
    CHECK(full < length / 2);
    CHECK(full > Nanos{0});
}

TEST_CASE("the averages are taken every period while there is activity", "[engine][psi]") {
    Thrashing world;
    EngineFixture& machine = world.machine;
    const MappingId region = machine.engine.create_mapping(world.task, PageKind::kAnon);
    // One page in, one page out, a millisecond each: stalled all the time.
    REQUIRE(machine.run(machine.engine.touch(world.task, region, {0, 7000}, Access::kWrite)).ok());
    const PsiAverages averages = machine.engine.pressure(world.group, PsiState::kSome).averages;
    CHECK(printed(averages)[0] > 3200);  // two whole periods of nearly 100 %
    CHECK(printed(averages)[0] < 6400);
    machine.clock.advance(from_millis(120'000));
    CHECK(printed(machine.engine.pressure(world.group, PsiState::kSome).averages)[0] < 5);
}

TEST_CASE("CPUs are weighted by how busy they are", "[engine][psi]") {
    // On two CPUs, one of them idle, it is as on one.
    Thrashing world(2);
    REQUIRE(world.machine.anon(world.task, mib(6).count()).ok());
    const auto swapped = static_cast<std::int64_t>(world.group.memcg->swap.usage().count());
    world.machine.clock.advance(from_millis(10'000));
    CHECK(world.some(world.group) == from_millis(swapped));
}

TEST_CASE("accounting that is off counts nothing", "[engine][psi]") {
    Thrashing world;
    world.machine.engine.set_pressure(world.group, false);
    REQUIRE(world.machine.anon(world.task, mib(5).count()).ok());
    CHECK(world.some(world.group) == Nanos{0});
    CHECK(world.some(world.parent) > Nanos{0});
    world.machine.engine.set_pressure(world.group, true);
    CHECK(world.some(world.group) == Nanos{0});
    REQUIRE(world.machine.anon(world.task, mib(1).count()).ok());
    CHECK(world.some(world.group) > Nanos{0});
}

TEST_CASE("a trigger fires once a window, for as long as there is stall", "[engine][psi]") {
    Thrashing world;
    EngineFixture& machine = world.machine;
    const PsiTriggerSpec spec{.state = PsiState::kSome,
                              .threshold = from_millis(150),
                              .window = from_millis(1000),
                              .privileged = true,
                              .cookie = 7};
    const PsiTriggerId id = machine.engine.add_psi_trigger(world.group, spec);
    auto& fired = machine.sink.psi_fired;
    machine.run_spawned();
    CHECK(fired.empty());

    const MappingId region = machine.engine.create_mapping(world.task, PageKind::kAnon);
    OperationPtr thrash =
        machine.engine.touch(world.task, region, {0, 1024 + 3000}, Access::kWrite);
    const auto run_until = [&](Nanos time) { machine.run_side_by_side(*thrash, time); };
    const Nanos begin = machine.clock.now();
    run_until(begin + from_millis(150));
    CHECK(fired.empty());  // 150 ms cannot have been seen yet
    run_until(begin + from_millis(400));
    CHECK(fired == std::vector<std::uint64_t>{7});
    run_until(begin + from_millis(1100));
    CHECK(fired.size() == 1);
    run_until(begin + from_millis(1500));
    CHECK(fired.size() == 2);
    machine.engine.remove_psi_trigger(id);
    machine.engine.remove_psi_trigger(id);
    run_until(begin + from_millis(3000));
    CHECK(fired.size() == 2);
    machine.engine.check_invariants();
}

TEST_CASE("an unprivileged trigger is looked at at the averages' pace", "[engine][psi]") {
    Thrashing world;
    EngineFixture& machine = world.machine;
    machine.engine.add_psi_trigger(world.group, {.state = PsiState::kFull,
                                                 .threshold = from_millis(100),
                                                 .window = from_millis(2000),
                                                 .privileged = false,
                                                 .cookie = 9});
    const MappingId region = machine.engine.create_mapping(world.task, PageKind::kAnon);
    OperationPtr thrash =
        machine.engine.touch(world.task, region, {0, 1024 + 3000}, Access::kWrite);
    const Nanos begin = machine.clock.now();
    machine.run_side_by_side(*thrash, begin + from_millis(1900));
    CHECK(machine.sink.psi_fired.empty());
    machine.run_side_by_side(*thrash, begin + from_millis(2100));
    CHECK(machine.sink.psi_fired == std::vector<std::uint64_t>{9});
}

TEST_CASE("the triggers of a group end with it", "[engine][psi]") {
    Thrashing world;
    EngineFixture& machine = world.machine;
    const PsiTriggerSpec spec{.state = PsiState::kSome,
                              .threshold = from_millis(1),
                              .window = from_millis(500),
                              .privileged = true,
                              .cookie = 3};
    const PsiTriggerId removed = machine.engine.add_psi_trigger(world.other, spec);
    REQUIRE(machine.engine.remove_cgroup(world.other.id).ok());
    CHECK(machine.sink.psi_gone == std::vector<std::uint64_t>{3});
    machine.engine.remove_psi_trigger(removed);
    machine.engine.add_psi_trigger(world.group, spec);
    machine.engine.set_pressure(world.group, false);
    CHECK(machine.sink.psi_gone == std::vector<std::uint64_t>{3, 3});
    machine.engine.check_invariants();
}

TEST_CASE("a task takes its stall along to another group", "[engine][psi]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Cgroup& other = machine.make_memory(machine.root(), "o");
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, mib(100))).ok());
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, 28000).ok());
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    OperationPtr throttled = machine.engine.touch(task, region, {0, 640}, Access::kWrite);
    Step step = throttled->step();
    while (step.kind != Step::Kind::kSleep) {
        step = throttled->step();
    }
    REQUIRE(machine.engine.attach_task(task, other.id).ok());
    machine.engine.check_invariants();
    const Nanos before = machine.engine.pressure(group, PsiState::kSome).total;
    machine.clock.advance(from_millis(50));
    CHECK(machine.engine.pressure(group, PsiState::kSome).total == before);
    CHECK(machine.engine.pressure(other, PsiState::kSome).total == from_millis(50));
    REQUIRE(machine.run(std::move(throttled)).ok());
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
