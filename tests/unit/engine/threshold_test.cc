// SPDX-License-Identifier: MIT
//
// Usage thresholds and OOM registrations (engine.md 8.1, 8.2, 6.6).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

EventId watch(EngineFixture& machine, Memcg& memcg, Pages threshold, bool memsw = false) {
    return machine.engine.register_event(memcg, UsageEvent{memsw, threshold});
}

/// One page at a time, so that each can be given back alone.
std::vector<MappingId> touch_pages(EngineFixture& machine, TaskId task, std::uint64_t count) {
    std::vector<MappingId> pages;
    for (std::uint64_t page = 0; page < count; page++) {
        pages.push_back(machine.engine.create_mapping(task, PageKind::kAnon));
        REQUIRE(machine.run(machine.engine.touch(task, pages.back(), {0, 1}, Access::kWrite)).ok());
    }
    return pages;
}

TEST_CASE("up and down again gives two ticks a threshold (G14)", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const EventId five = watch(machine, *group.memcg, mib(5));
    const EventId eight = watch(machine, *group.memcg, mib(8));
    const TaskId task = machine.add_task(group);
    auto& ticks = machine.sink.ticks;

    // Looked at after page events 1, 130, 259 ... The usage of 5 MiB, 1280 pages, is there with
    // the batch of page 1217, seen at event 1 + 129 * 10 = 1291; 8 MiB with page 1985, at 2065.
    std::vector<MappingId> pages = touch_pages(machine, task, 1290);
    CHECK(ticks[five] == 0);
    for (const MappingId page : touch_pages(machine, task, 1)) {
        pages.push_back(page);
    }
    CHECK(ticks[five] == 1);
    for (const MappingId page : touch_pages(machine, task, 2064 - 1291)) {
        pages.push_back(page);
    }
    CHECK(ticks[eight] == 0);
    for (const MappingId page : touch_pages(machine, task, 1)) {
        pages.push_back(page);
    }
    CHECK(ticks[eight] == 1);
    for (const MappingId page : touch_pages(machine, task, 2560 - 2065)) {
        pages.push_back(page);
    }
    CHECK(ticks[five] == 1);
    CHECK(ticks[eight] == 1);

    // Down: usage is 2560 - k after event 2560 + k; below 2048 from k = 513, seen at event
    // 1 + 129 * 24 = 3097; below 1280 from k = 1281, seen at event 1 + 129 * 30 = 3871.
    std::uint64_t events = 2560;
    const auto give_back_until = [&](std::uint64_t event) {
        for (; events < event; events++) {
            machine.engine.unmap_mapping(task, pages.back(), false);
            pages.pop_back();
        }
    };
    give_back_until(3096);
    CHECK(ticks[eight] == 1);
    give_back_until(3097);
    CHECK(ticks[eight] == 2);
    give_back_until(3870);
    CHECK(ticks[five] == 1);
    give_back_until(3871);
    CHECK(ticks[five] == 2);
    give_back_until(5120);
    CHECK(ticks[five] == 2);
    CHECK(ticks[eight] == 2);
    machine.engine.check_invariants();
}

TEST_CASE("a threshold that is passed already does not tick, equal counts as above",
          "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, 256).ok());
    const EventId same = watch(machine, *group.memcg, Pages{256});
    const EventId next = watch(machine, *group.memcg, Pages{257});
    CHECK(machine.sink.ticks.empty());
    REQUIRE(machine.anon(task, 256).ok());
    CHECK(machine.sink.ticks[same] == 0);
    CHECK(machine.sink.ticks[next] == 1);
    machine.engine.exit_task(task);
    CHECK(machine.sink.ticks[same] == 1);
    CHECK(machine.sink.ticks[next] == 2);
}

TEST_CASE("registering looks at the thresholds that are there", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, 1).ok());  // event 1 has been seen; the next look is at 130
    const EventId low = watch(machine, *group.memcg, Pages{100});
    REQUIRE(machine.anon(task, 127).ok());
    CHECK(machine.sink.ticks[low] == 0);
    const EventId high = watch(machine, *group.memcg, Pages{1000});
    CHECK(machine.sink.ticks[low] == 1);
    machine.engine.unregister_event(low);
    machine.engine.unregister_event(low);
    machine.engine.check_invariants();
    REQUIRE(machine.anon(task, 2000).ok());
    CHECK(machine.sink.ticks[low] == 1);
    CHECK(machine.sink.ticks[high] == 1);
}

TEST_CASE("a child's pages cross its ancestors' thresholds, the root's too", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    const EventId of_parent = watch(machine, *parent.memcg, mib(2));
    const EventId of_root = watch(machine, *machine.root().memcg, mib(3));
    REQUIRE(machine.anon(machine.add_task(child), mib(4).count()).ok());
    CHECK(machine.sink.ticks[of_parent] == 1);
    CHECK(machine.sink.ticks[of_root] == 1);
    REQUIRE(machine.anon(machine.add_task(machine.root()), mib(4).count()).ok());
    CHECK(machine.sink.ticks[of_parent] == 1);
    CHECK(machine.sink.ticks[of_root] == 1);
}

TEST_CASE("memsw thresholds go on counting what is swapped out", "[engine][notify]") {
    Machine shape;
    test::add_zram(shape, mib(64));
    EngineFixture machine("6.1", Layout::kV1, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, mib(8))).ok());
    const EventId memory = watch(machine, memcg, mib(12));
    const EventId memsw = watch(machine, memcg, mib(12), true);
    REQUIRE(machine.anon(machine.add_task(group), mib(16).count()).ok());
    CHECK(machine.sink.ticks[memory] == 0);
    CHECK(machine.sink.ticks[memsw] == 1);
}

TEST_CASE("each CPU counts its own page events", "[engine][notify]") {
    Machine shape;
    shape.cpus = 2;
    EngineFixture machine("6.1", Layout::kV1, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId first = machine.add_task(group);
    const TaskId second = machine.add_task(group);
    REQUIRE(machine.anon(first, 1).ok());
    REQUIRE(machine.anon(second, 1).ok());
    const EventId event = watch(machine, *group.memcg, Pages{200});
    // 128 more on each: one short of a look, on either CPU.
    REQUIRE(machine.anon(first, 128).ok());
    REQUIRE(machine.anon(second, 128).ok());
    CHECK(machine.sink.ticks[event] == 0);
    REQUIRE(machine.anon(second, 1).ok());
    CHECK(machine.sink.ticks[event] == 1);
}

TEST_CASE("removal ticks each registration once more and ends it", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const EventId usage = watch(machine, *group.memcg, mib(1));
    const EventId again = watch(machine, *group.memcg, mib(1));
    const EventId oom = machine.engine.register_event(*group.memcg, OomEvent{});
    REQUIRE(machine.engine.remove_cgroup(group.id).ok());
    CHECK(machine.sink.ticks.empty());  // not before the directory has gone for everybody
    machine.run_spawned();
    for (const EventId id : {usage, again, oom}) {
        CHECK(machine.sink.ticks[id] == 1);
    }
    machine.engine.unregister_event(usage);
    machine.engine.check_invariants();
}

TEST_CASE("who unregisters after the removal hears no more of it", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const EventId gone = machine.engine.register_event(*group.memcg, OomEvent{});
    const EventId kept = machine.engine.register_event(*group.memcg, OomEvent{});
    REQUIRE(machine.engine.remove_cgroup(group.id).ok());
    machine.engine.unregister_event(gone);
    machine.run_spawned();
    CHECK(machine.sink.ticks[gone] == 0);
    CHECK(machine.sink.ticks[kept] == 1);
    machine.engine.check_invariants();
}

TEST_CASE("an OOM kill tells the whole subtree's listeners once", "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    Cgroup& other = machine.make_memory(parent, "o");
    const EventId of_parent = machine.engine.register_event(*parent.memcg, OomEvent{});
    const EventId of_child = machine.engine.register_event(*child.memcg, OomEvent{});
    const EventId of_other = machine.engine.register_event(*other.memcg, OomEvent{});
    auto& ticks = machine.sink.ticks;
    SECTION("of the parent") {
        REQUIRE(machine.run(machine.engine.set_limit(*parent.memcg, CounterKind::kMemory, mib(4)))
                    .ok());
        CHECK_FALSE(machine.anon(machine.add_task(child), mib(8).count()).ok());
        CHECK(ticks[of_parent] == 1);
        CHECK(ticks[of_child] == 1);
        CHECK(ticks[of_other] == 1);
    }
    SECTION("of one child") {
        REQUIRE(
            machine.run(machine.engine.set_limit(*child.memcg, CounterKind::kMemory, mib(4))).ok());
        CHECK_FALSE(machine.anon(machine.add_task(child), mib(8).count()).ok());
        CHECK(ticks[of_parent] == 0);
        CHECK(ticks[of_child] == 1);
        CHECK(ticks[of_other] == 0);
    }
    CHECK(parent.memcg->under_oom == 0);
    CHECK(child.memcg->under_oom == 0);
}

TEST_CASE("with oom_kill_disable the first that waits tells, and latecomers hear at once",
          "[engine][notify]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, mib(4))).ok());
    machine.engine.set_oom_kill_disable(memcg, true);
    const EventId early = machine.engine.register_event(memcg, OomEvent{});
    auto& ticks = machine.sink.ticks;
    const auto step_until_wait = [&](Operation& operation) {
        for (;;) {
            const Step step = operation.step();
            machine.clock.advance_to(step.until);
            if (step.kind == Step::Kind::kWait || step.kind == Step::Kind::kDone) {
                return step.kind;
            }
        }
    };
    const auto fault = [&] {
        const TaskId task = machine.add_task(group);
        const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
        return machine.engine.touch(task, region, {0, mib(5).count()}, Access::kWrite);
    };
    const OperationPtr first = fault();
    REQUIRE(step_until_wait(*first) == Step::Kind::kWait);
    CHECK(ticks[early] == 1);
    const OperationPtr second = fault();
    REQUIRE(step_until_wait(*second) == Step::Kind::kWait);
    CHECK(ticks[early] == 1);  // the lock is held
    CHECK(memcg.under_oom == 2);
    const EventId late = machine.engine.register_event(memcg, OomEvent{});
    CHECK(ticks[late] == 1);

    // Too small a raise: the first tries again, parks again and tells again.
    REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, Pages{1040})).ok());
    REQUIRE(step_until_wait(*first) == Step::Kind::kWait);
    CHECK(ticks[early] == 2);
    REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, mib(16))).ok());
    REQUIRE(step_until_wait(*first) == Step::Kind::kDone);
    REQUIRE(step_until_wait(*second) == Step::Kind::kDone);
    CHECK(memcg.under_oom == 0);
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
