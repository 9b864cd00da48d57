// SPDX-License-Identifier: MIT
//
// Victims that take their time, the reaper, v1's waiters and listeners, panic_on_oom.
#include <algorithm>

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

/// A task that is killed in the middle of a fault and is not stepped on.
struct StuckVictim {
    explicit StuckVictim(EngineFixture& fixture) : machine(fixture) {
        machine.limit(group, mib(16));
        REQUIRE(machine.anon(victim, 3000).ok());
        const MappingId region = machine.engine.create_mapping(victim, PageKind::kAnon);
        fault = machine.engine.touch(victim, region, {0, 900}, Access::kWrite);
        REQUIRE(fault->step().kind != Step::Kind::kDone);
        const MappingId wanted = machine.engine.create_mapping(other, PageKind::kAnon);
        charge = machine.engine.touch(other, wanted, {0, 2000}, Access::kWrite);
        while (machine.sink.killed.empty()) {
            machine.clock.advance_to(charge->step().until);
        }
    }
    EngineFixture& machine;
    Cgroup& group = machine.make_memory(machine.root(), "g");
    TaskId victim = machine.add_task(group);
    TaskId other = machine.add_task(group);
    OperationPtr fault;
    OperationPtr charge;
};

TEST_CASE("while a victim lives, only the oom event is repeated", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    StuckVictim stuck(machine);
    const Memcg& memcg = *stuck.group.memcg;
    REQUIRE(memcg.event(MemcgEvent::kOom) == 1);
    while (memcg.event(MemcgEvent::kOom) < 4) {
        machine.clock.advance_to(stuck.charge->step().until);
    }
    CHECK(memcg.event(MemcgEvent::kMax) == 18 + 3 * 17);
    CHECK(memcg.event(MemcgEvent::kOomKill) == 1);
    CHECK(machine.sink.killed.size() == 1);
    CHECK_FALSE(machine.run(std::move(stuck.fault)).ok());
    CHECK(machine.run(std::move(stuck.charge)).ok());
}

TEST_CASE("a victim that has not gone in two seconds is reaped", "[engine][oom]") {
    EngineFixture machine("6.12", Layout::kV2);
    StuckVictim stuck(machine);
    const auto& spawned = machine.sink.spawned;  // the events file is announced as well
    const auto is_reaper = [](const OperationPtr& operation) {
        return operation->name() == "oom_reaper";
    };
    REQUIRE(std::count_if(spawned.begin(), spawned.end(), is_reaper) == 1);
    const Step step = (*std::find_if(spawned.begin(), spawned.end(), is_reaper))->step();
    CHECK(step.kind == Step::Kind::kSleep);
    CHECK(step.until == machine.clock.now() + from_millis(2000));

    SECTION("its private memory goes, the process stays") {
        machine.run_spawned();
        CHECK(machine.sink.log.back() ==
              "oom_reaper: reaped process 100 (task), now anon-rss:0kB, file-rss:0kB, "
              "shmem-rss:0kB");
        CHECK(machine.engine.find(stuck.victim)->oom_reaped);
        CHECK(machine.run(std::move(stuck.charge)).ok());
        CHECK(machine.sink.killed.size() == 1);
        machine.engine.check_invariants();
        CHECK_FALSE(machine.run(std::move(stuck.fault)).ok());
    }
    SECTION("one that has gone is left alone") {
        CHECK_FALSE(machine.run(std::move(stuck.fault)).ok());
        const std::size_t lines = machine.sink.log.size();
        machine.run_spawned();
        CHECK(machine.sink.log.size() == lines);
        CHECK(machine.run(std::move(stuck.charge)).ok());
    }
    CHECK(machine.engine.find(stuck.victim) == nullptr);
}

TEST_CASE("a task that dies of something else is hurried, not counted", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    machine.limit(group, mib(16));
    const TaskId dying = machine.add_task(group);
    REQUIRE(machine.anon(dying, 3000).ok());
    const MappingId region = machine.engine.create_mapping(dying, PageKind::kAnon);
    OperationPtr fault = machine.engine.touch(dying, region, {0, 900}, Access::kWrite);
    REQUIRE(fault->step().kind != Step::Kind::kDone);
    machine.engine.exit_task(dying);

    const TaskId other = machine.add_task(group);
    const MappingId wanted = machine.engine.create_mapping(other, PageKind::kAnon);
    OperationPtr charge = machine.engine.touch(other, wanted, {0, 2000}, Access::kWrite);
    while (group.memcg->event(MemcgEvent::kOom) == 0) {
        machine.clock.advance_to(charge->step().until);
    }
    CHECK(machine.engine.find(dying)->oom_victim);
    CHECK(group.memcg->event(MemcgEvent::kOomKill) == 0);
    CHECK(machine.sink.killed.empty());
    CHECK(machine.sink.log.empty());
    CHECK_FALSE(machine.run(std::move(fault)).ok());
    CHECK(machine.run(std::move(charge)).ok());
}

TEST_CASE("page tables and swapped pages count for badness", "[engine][oom]") {
    Machine shape;
    test::add_zram(shape, mib(64));
    EngineFixture machine("6.1", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    machine.limit(group, mib(16));
    machine.engine.counter(*group.memcg, CounterKind::kSwap).set_max(Pages{512});
    const TaskId swapped = machine.add_task(group);
    REQUIRE(machine.anon(swapped, 400).ok());
    REQUIRE(machine.run(machine.engine.pageout(swapped)).ok());
    REQUIRE(machine.engine.counter(*group.memcg, CounterKind::kSwap).usage() == Pages{400});
    // As many pages as the other, but each in a page table of its own.
    const TaskId sparse = machine.add_task(group);
    const MappingId region = machine.engine.create_mapping(sparse, PageKind::kAnon);
    for (std::uint64_t page = 0; page < 390; page++) {
        REQUIRE(machine.run(machine.engine.touch(sparse, region, {page * 512, 1}, Access::kWrite))
                    .ok());
    }
    REQUIRE(machine.run(machine.engine.set_memory_max(*group.memcg, Pages{100})).ok());
    REQUIRE_FALSE(machine.sink.killed.empty());
    CHECK(machine.sink.killed.front() == 101);
    CHECK(machine.engine.find(swapped) != nullptr);
}

TEST_CASE("4.19 keeps the first of equals", "[engine][oom]") {
    EngineFixture machine("alinux2", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId one = machine.add_task(group);
    const TaskId two = machine.add_task(group);
    REQUIRE(machine.anon(one, 256).ok());
    REQUIRE(machine.anon(two, 256).ok());
    machine.limit(group, Pages{300});
    CHECK(machine.engine.find(one) == nullptr);
    CHECK(machine.engine.find(two) != nullptr);
}

TEST_CASE("panic_on_oom stops a group's OOM only when it is 2", "[engine][oom]") {
    Machine shape;
    shape.vm_panic_on_oom = GENERATE(1U, 2U);
    const bool panics = shape.vm_panic_on_oom == 2;
    EngineFixture machine("6.1", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.anon(machine.add_task(group), 256).ok());
    machine.limit(group, Pages{100});
    CHECK(machine.sink.killed.empty() == panics);
    const std::string panic =
        "Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled";
    CHECK((machine.sink.log.back() == panic) == panics);
    CHECK(machine.engine.panicked() == panics);
}

struct NotifyCount final : Observer {
    void on_event(const TraceEvent& event) override {
        told += event.kind == TraceEvent::Kind::kOomNotify ? 1 : 0;
    }
    int told = 0;
};

/// A v1 group with a child, both with a limit and killing turned off.
struct Parked {
    explicit Parked() {
        machine.limit(parent, mib(16));
        machine.limit(child, mib(8));
        machine.engine.set_oom_kill_disable(*parent.memcg, true);
        machine.engine.set_oom_kill_disable(*child.memcg, true);
    }
    OperationPtr park(Cgroup& group, std::uint64_t pages) {
        const TaskId task = machine.add_task(group);
        const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
        OperationPtr fault = machine.engine.touch(task, region, {0, pages}, Access::kWrite);
        REQUIRE(step(*fault) == Step::Kind::kWait);
        return fault;
    }
    Step::Kind step(Operation& operation) {
        for (;;) {
            const Step step = operation.step();
            if (step.kind == Step::Kind::kWait || step.kind == Step::Kind::kDone) {
                return step.kind;
            }
            machine.clock.advance_to(step.until);
        }
    }
    NotifyCount observer;
    EngineFixture machine{"6.1", Layout::kV1, {}, {}, &observer};
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    Cgroup& sibling = machine.make_memory(parent, "s");
};

TEST_CASE("nested OOMs are told once, the mark is on the subtree", "[engine][oom]") {
    Parked parked;
    EngineFixture& machine = parked.machine;
    OperationPtr below = parked.park(parked.child, mib(9).count());
    CHECK(parked.observer.told == 1);
    CHECK(parked.child.memcg->under_oom == 1);
    CHECK(parked.parent.memcg->under_oom == 0);

    OperationPtr above = parked.park(parked.sibling, mib(9).count());
    CHECK(parked.observer.told == 1);  // the child's lock is part of the parent's tree
    CHECK(parked.parent.memcg->under_oom == 1);
    CHECK(parked.sibling.memcg->under_oom == 1);
    CHECK(parked.child.memcg->under_oom == 2);

    SECTION("room in the child wakes those of its ancestors too") {
        machine.limit(parked.child, mib(10));
        CHECK(machine.sink.woken == std::vector{below->id(), above->id()});
        CHECK(parked.step(*below) == Step::Kind::kWait);  // now it meets the parent's limit
        CHECK(parked.child.memcg->under_oom == 2);
        CHECK(parked.parent.memcg->under_oom == 2);
    }
    SECTION("room in a sibling wakes those of the parent only") {
        const TaskId task = machine.add_task(parked.sibling);
        const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
        machine.limit(parked.parent, mib(32));
        CHECK(machine.sink.woken.size() == 2);
        REQUIRE(parked.step(*above) == Step::Kind::kDone);
        machine.sink.woken.clear();
        REQUIRE(machine.read_file(task, file, 10).ok());
        machine.engine.destroy_mapping(file);
        CHECK(machine.sink.woken.empty());  // nobody waits in or above the sibling
        machine.limit(parked.child, mib(10));
        REQUIRE(parked.step(*below) == Step::Kind::kDone);
        CHECK(parked.child.memcg->under_oom == 0);
        CHECK(parked.parent.memcg->under_oom == 0);
        return;
    }
    for (OperationPtr* waiter : {&below, &above}) {
        machine.engine.kill_cgroup(parked.parent);
        while ((*waiter)->step().kind != Step::Kind::kDone) {
        }
    }
    CHECK(parked.parent.memcg->under_oom == 0);
    CHECK(parked.child.memcg->under_oom == 0);
    CHECK_FALSE(parked.child.memcg->oom_lock);
    machine.engine.check_invariants();
}

TEST_CASE("a system call gets ENOMEM where a fault would sleep", "[engine][oom]") {
    Parked parked;
    EngineFixture& machine = parked.machine;
    const TaskId task = machine.add_task(parked.child);
    const MappingId shmem = machine.engine.create_mapping(task, PageKind::kShmem);
    const OperationResult written = machine.run(
        machine.engine.file_io(task, shmem, {0, mib(9).count()}, Access::kWrite));
    CHECK(written.error() == Errno::kENOMEM);
    CHECK(machine.engine.find(task)->memcg_in_oom == MemcgId{});
    CHECK(parked.child.memcg->under_oom == 0);
    CHECK(parked.child.memcg->event(MemcgEvent::kOom) == 1);
}

}  // namespace
}  // namespace memcgfs::engine
