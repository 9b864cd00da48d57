// SPDX-License-Identifier: MIT
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

TEST_CASE("on a tie the later task in walk order dies (G11)", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& first = machine.make_memory(parent, "a");
    Cgroup& second = machine.make_memory(parent, "b");
    const bool two_groups = GENERATE(false, true);
    const TaskId one = machine.add_task(first);
    const TaskId two = machine.add_task(two_groups ? second : first);
    REQUIRE(machine.anon(one, 256).ok());
    REQUIRE(machine.anon(two, 256).ok());
    REQUIRE(machine.run(machine.engine.set_memory_max(*parent.memcg, Pages{300})).ok());
    CHECK(machine.engine.find(one) != nullptr);
    CHECK(machine.engine.find(two) == nullptr);
}

TEST_CASE("a group kill spares -1000 and counts the victim twice (G12)", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    child.memcg->oom_group = true;
    REQUIRE(machine.run(machine.engine.set_memory_max(*parent.memcg, mib(16))).ok());
    const TaskId spared = machine.add_task(child, -1000);
    const TaskId other = machine.add_task(child);
    const TaskId idle = machine.add_task(child);  // has no memory, dies all the same
    const TaskId eater = machine.add_task(child);
    REQUIRE(machine.anon(spared, 10).ok());
    REQUIRE(machine.anon(other, 10).ok());
    CHECK_FALSE(machine.anon(eater, mib(20).count()).ok());
    CHECK(child.memcg->event(MemcgEvent::kOomGroupKill) == 1);
    CHECK(parent.memcg->event(MemcgEvent::kOomGroupKill) == 1);
    CHECK(child.memcg->event(MemcgEvent::kOomKill) == 4);
    CHECK(machine.engine.find(spared) != nullptr);
    CHECK(machine.engine.find(idle) == nullptr);
    CHECK(machine.engine.find(other) == nullptr);
    CHECK(machine.engine.find(eater) == nullptr);
    CHECK(machine.sink.killed.size() == 3);
}

TEST_CASE("oom_score_adj decides", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_max(*group.memcg, mib(16))).ok());
    const TaskId small = machine.add_task(group, 900);
    const TaskId large = machine.add_task(group);
    REQUIRE(machine.anon(small, 256).ok());
    REQUIRE(machine.anon(large, 3000).ok());
    REQUIRE(machine.anon(large, 1000).ok());
    CHECK(machine.engine.find(small) == nullptr);
    CHECK(machine.engine.find(large) != nullptr);
    CHECK(machine.sink.log.back().starts_with("Memory cgroup out of memory: Killed process"));
}

TEST_CASE("with oom_kill_disable a fault sleeps until there is room", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, mib(16))).ok());
    machine.engine.set_oom_kill_disable(memcg, true);
    const TaskId task = machine.add_task(group);
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    OperationPtr fault = machine.engine.touch(task, region, {0, mib(24).count()}, Access::kWrite);
    const auto step_until_wait = [&] {
        for (;;) {
            const Step step = fault->step();
            machine.clock.advance_to(step.until);
            if (step.kind == Step::Kind::kWait || step.kind == Step::Kind::kDone) {
                return step.kind;
            }
        }
    };
    REQUIRE(step_until_wait() == Step::Kind::kWait);
    CHECK(memcg.under_oom == 1);
    CHECK(machine.sink.killed.empty());

    SECTION("raising the limit") {
        REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, mib(32))).ok());
        CHECK(machine.sink.woken == std::vector{fault->id()});
        REQUIRE(step_until_wait() == Step::Kind::kDone);
        CHECK(fault->result().ok());
        CHECK(memcg.stat(StatItem::kAnon) == static_cast<std::int64_t>(mib(24).count()));
    }
    SECTION("turning the killer on again") {
        machine.engine.set_oom_kill_disable(memcg, false);
        CHECK(machine.sink.woken == std::vector{fault->id()});
        REQUIRE(step_until_wait() == Step::Kind::kDone);
        CHECK(machine.sink.killed.size() == 1);
        CHECK(memcg.event_local(MemcgEvent::kOomKill) == 1);
    }
    SECTION("the end of the task itself") {
        machine.engine.exit_task(task);
        CHECK(machine.sink.woken == std::vector{fault->id()});
        REQUIRE(step_until_wait() == Step::Kind::kDone);
        CHECK(memcg.memory.usage() == Pages{0});
        CHECK(machine.engine.find(task) == nullptr);
    }
    CHECK(memcg.under_oom == 0);
    machine.engine.check_invariants();
}

TEST_CASE("a victim in the middle of a fault gets its turn to end", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_max(*group.memcg, mib(16))).ok());
    const TaskId victim = machine.add_task(group);
    REQUIRE(machine.anon(victim, 3000).ok());
    const MappingId region = machine.engine.create_mapping(victim, PageKind::kAnon);
    OperationPtr fault = machine.engine.touch(victim, region, {0, 900}, Access::kWrite);
    REQUIRE(fault->step().kind != Step::Kind::kDone);

    const TaskId other = machine.add_task(group);
    const MappingId wanted = machine.engine.create_mapping(other, PageKind::kAnon);
    OperationPtr charge = machine.engine.touch(other, wanted, {0, 2000}, Access::kWrite);
    while (machine.sink.killed.empty()) {
        REQUIRE(charge->step().kind != Step::Kind::kDone);
    }
    // The killed task still has its memory: whoever charges has to let it run.
    CHECK(machine.engine.find(victim)->dying);
    CHECK(charge->step().kind == Step::Kind::kSleep);
    CHECK(machine.run(std::move(fault)).error() == Errno::kEINTR);
    CHECK(machine.engine.find(victim) == nullptr);
    CHECK(machine.run(std::move(charge)).ok());
    CHECK(machine.sink.killed.size() == 1);
}

TEST_CASE("cgroup.kill ends all members below", "[engine][oom]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make(parent, "c");
    machine.add_task(child);
    machine.add_task(child);
    CHECK(parent.populated());
    machine.engine.kill_cgroup(parent);
    CHECK(machine.sink.killed.size() == 2);
    CHECK(child.tasks.empty());
    CHECK_FALSE(parent.populated());
}

TEST_CASE("a writer that maps nothing is killed for the tmpfs pages it writes", "[engine][oom]") {
    const auto* profile = GENERATE("6.1", "6.12");
    EngineFixture machine(profile, Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    REQUIRE(machine.run(machine.engine.set_memory_max(memcg, mib(8))).ok());
    const TaskId task = machine.add_task(group);
    const MappingId file = machine.engine.create_mapping({}, PageKind::kShmem);

    const OperationResult result =
        machine.run(machine.engine.file_io(task, file, {0, mib(16).count()}, Access::kWrite));

    REQUIRE_FALSE(result.ok());
    CHECK(machine.sink.killed.size() == 1);
    CHECK(memcg.event(MemcgEvent::kOomKill) == 1);
    CHECK(memcg.stat(StatItem::kShmem) > 0);
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
