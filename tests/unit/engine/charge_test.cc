// SPDX-License-Identifier: MIT
//
// The charge loop: exact counts of the golden trace G1 in the specification.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

TEST_CASE("an exhausted group counts exactly one OOM (G1, v2)", "[engine][charge]") {
    const auto* profile = GENERATE("6.1", "6.12");
    EngineFixture machine(profile, Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    REQUIRE(machine.run(machine.engine.set_memory_max(memcg, mib(50))).ok());
    const TaskId task = machine.add_task(group);

    const OperationResult result = machine.anon(task, 13056);

    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == Errno::kEINTR);
    CHECK(machine.sink.killed.size() == 1);
    CHECK(memcg.event(MemcgEvent::kMax) == 35);
    CHECK(memcg.event(MemcgEvent::kOom) == 1);
    CHECK(memcg.event(MemcgEvent::kOomKill) == 1);
    CHECK(memcg.memory.watermark() == mib(50));
    CHECK(memcg.memory.usage() == Pages{0});
    CHECK(memcg.stat(StatItem::kPgscanDirect) == 0);
    CHECK(machine.engine.find(task) == nullptr);
    machine.engine.check_invariants();
}

TEST_CASE("an exhausted v1 group counts failures (G1, v1)", "[engine][charge]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, mib(50))).ok());

    SECTION("in the memory counter") {
        REQUIRE_FALSE(machine.anon(machine.add_task(group), 13056).ok());
        CHECK(memcg.memory.failcnt() == 36);
        CHECK(memcg.memsw.failcnt() == 0);
    }
    SECTION("in memory + swap, which is asked first") {
        REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemsw, mib(50))).ok());
        REQUIRE_FALSE(machine.anon(machine.add_task(group), 13056).ok());
        CHECK(memcg.memory.failcnt() == 0);
        CHECK(memcg.memsw.failcnt() == 36);
    }
    CHECK(memcg.event(MemcgEvent::kOomKill) == 1);
    CHECK(memcg.memory.watermark() == mib(50));
    CHECK(memcg.memory.usage() == Pages{0});
}

TEST_CASE("usage grows by batches", "[engine][charge]") {
    const auto [profile, batch] =
        GENERATE(table<const char*, std::uint64_t>({{"6.1", 64}, {"5.10", 32}, {"alinux2", 32}}));
    EngineFixture machine(profile, Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, 1).ok());
    CHECK(group.memcg->memory.usage() == Pages{batch});
    REQUIRE(machine.anon(task, batch - 1).ok());
    CHECK(group.memcg->memory.usage() == Pages{batch});
    REQUIRE(machine.anon(task, 1).ok());
    CHECK(group.memcg->memory.usage() == Pages{2 * batch});
    CHECK(group.memcg->stat(StatItem::kAnon) == static_cast<std::int64_t>(batch) + 1);
    machine.engine.check_invariants();
}

TEST_CASE("a group that may not swap is charged at once all the same", "[engine][charge]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    group.memcg->swap.set_max(Pages{0});
    const TaskId task = machine.add_task(group);
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    // The first page brings a page table.
    REQUIRE(machine.run(machine.engine.touch(task, region, {0, 1}, Access::kWrite)).ok());
    for (std::uint64_t page = 1; page < 300; page++) {
        INFO(page);
        REQUIRE(machine.engine.touch_at_once(task, region, page, Access::kWrite) == 1);
    }
}

/// What a machine has counted once a task of a group has touched 300 pages, so many at a time.
struct Counted {
    Counted(std::string_view profile, Layout layout, std::uint64_t at_a_time) {
        EngineFixture machine(profile, layout);
        Cgroup& group = machine.make_memory(machine.root(), "g");
        const TaskId task = machine.add_task(group);
        const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
        for (std::uint64_t page = 0; page < 300; page += at_a_time) {
            REQUIRE(
                machine.run(machine.engine.touch(task, region, {page, at_a_time}, Access::kWrite))
                    .ok());
        }
        for (std::size_t i = 0; i < kStatItemCount; i++) {
            const auto item = static_cast<StatItem>(i);
            stats.push_back(group.memcg->stat(item));
            stats.push_back(group.memcg->stat_total(item));
        }
        usage = group.memcg->memory.usage();
        lists = group.memcg->lruvec(0).size(LruList::kInactiveAnon);
        whole = machine.engine.machine_stat();
        machine.engine.check_invariants();
    }

    std::vector<std::int64_t> stats;
    Pages usage{};
    Pages lists{};
    MachineStat whole;
};

TEST_CASE("pages that come one by one count as those that come together", "[engine][charge]") {
    const auto [profile, layout] = GENERATE(table<std::string_view, Layout>(
        {{"6.1", Layout::kV2}, {"6.12", Layout::kV2}, {"6.1", Layout::kV1}}));
    const Counted singly(profile, layout, 1);
    const Counted together(profile, layout, 100);
    CHECK(singly.stats == together.stats);
    CHECK(singly.usage == together.usage);
    CHECK(singly.lists == together.lists);
    CHECK(singly.whole.events == together.whole.events);
    CHECK(singly.whole.items == together.whole.items);
    for (std::size_t zone = 0; zone < kZoneTypeCount; zone++) {
        const ZoneStat& one = singly.whole.nodes[0].zones[zone];
        const ZoneStat& other = together.whole.nodes[0].zones[zone];
        CHECK(one.free == other.free);
        CHECK(one.lists == other.lists);
    }
}

TEST_CASE("a parent's limit is charged and counted at the parent", "[engine][charge]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    REQUIRE(machine.run(machine.engine.set_memory_max(*parent.memcg, mib(16))).ok());
    REQUIRE_FALSE(machine.anon(machine.add_task(child), mib(32).count()).ok());
    CHECK(parent.memcg->event_local(MemcgEvent::kOom) == 1);
    CHECK(parent.memcg->event_local(MemcgEvent::kOomKill) == 0);
    CHECK(parent.memcg->event(MemcgEvent::kOomKill) == 1);
    CHECK(child.memcg->event(MemcgEvent::kMax) == 0);
    CHECK(child.memcg->event_local(MemcgEvent::kOomKill) == 1);
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
