// SPDX-License-Identifier: MIT
//
// Reclaim: amounts of the specification's tables (3.5, 7.1) and of its reference run (G10).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

/// A group that holds `pages` clean file pages, each read once.
struct CacheGroup {
    CacheGroup(const char* profile, Layout layout, std::uint64_t pages,
               Machine shape = test::roomy_machine())
        : machine(profile, layout, shape), group(machine.make_memory(machine.root(), "g")) {
        task = machine.add_task(group);
        file = machine.engine.create_mapping(task, PageKind::kFile);
        REQUIRE(machine.read_file(task, file, pages).ok());
    }
    Memcg& memcg() const { return *group.memcg; }
    std::int64_t cache() const { return memcg().stat(StatItem::kFile); }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    MappingId file;
};

struct ProactiveCase {
    std::uint64_t list;
    std::uint64_t request;
    std::int64_t freed_61;
    std::int64_t freed_612;
    bool complete;
};

TEST_CASE("memory.reclaim frees what the table says (G3)", "[engine][reclaim]") {
    const auto test = GENERATE(
        ProactiveCase{25600, 256, 388, 259, true}, ProactiveCase{25600, 512, 781, 540, true},
        ProactiveCase{25600, 2560, 3058, 2573, true}, ProactiveCase{2560, 512, 583, 551, true},
        ProactiveCase{262144, 512, 957, 541, true},
        ProactiveCase{262144, 25600, 31367, 25610, true},
        ProactiveCase{25600, 262144, 25600, 25600, false});
    const auto* profile = GENERATE("6.1", "6.12");
    CacheGroup cache(profile, Layout::kV2, test.list);
    const std::int64_t before = cache.cache();
    const OperationResult result = cache.machine.run(
        cache.machine.engine.reclaim_pages(cache.memcg(), Pages{test.request}, {}));
    CHECK(before - cache.cache() ==
          (std::string(profile) == "6.1" ? test.freed_61 : test.freed_612));
    CHECK(result.ok() == test.complete);
    if (!test.complete) {
        CHECK(result.error() == Errno::kEAGAIN);
    }
    CHECK(cache.memcg().event(MemcgEvent::kMax) == 0);
    cache.machine.engine.check_invariants();
}

struct SingleListCase {
    std::uint64_t list;
    std::int64_t freed;
};

TEST_CASE("a read past the limit frees a cluster a call (G4)", "[engine][reclaim]") {
    const auto test =
        GENERATE(SingleListCase{8, 8}, SingleListCase{32, 32}, SingleListCase{64, 44},
                 SingleListCase{256, 55}, SingleListCase{1024, 58}, SingleListCase{2560, 35},
                 SingleListCase{5120, 35}, SingleListCase{12800, 45}, SingleListCase{25600, 42},
                 SingleListCase{65536, 47}, SingleListCase{131072, 32});
    CacheGroup cache("6.1", Layout::kV2, test.list);
    REQUIRE(cache.machine.run(cache.machine.engine.set_memory_max(cache.memcg(), Pages{test.list}))
                .ok());
    const std::int64_t before = cache.memcg().stat(StatItem::kPgstealDirect);
    const MappingId other = cache.machine.engine.create_mapping(cache.task, PageKind::kFile);
    REQUIRE(cache.machine.read_file(cache.task, other, 1).ok());
    CHECK(cache.memcg().stat(StatItem::kPgstealDirect) - before == test.freed);
    CHECK(cache.memcg().event(MemcgEvent::kMax) == 1);
}

TEST_CASE("anonymous memory over the limit goes to swap (G10)", "[engine][reclaim][swap]") {
    Machine shape;
    test::add_zram(shape, mib(256));
    EngineFixture machine("6.1", Layout::kV1, shape);
    Cgroup& group = machine.make_memory(machine.root(), "test");
    Memcg& memcg = *group.memcg;
    REQUIRE(machine.run(machine.engine.set_limit(memcg, CounterKind::kMemory, mib(40))).ok());
    REQUIRE(machine.anon(machine.add_task(group), 25600).ok());
    CHECK(memcg.stat(StatItem::kAnon) == 10208);
    CHECK(memcg.stat(StatItem::kSwap) == 15392);
    CHECK(memcg.memory.failcnt() == 15603);
    CHECK(memcg.stat(StatItem::kPgscanDirect) == 35845);
    CHECK(memcg.stat(StatItem::kPgstealDirect) == 15392);
    CHECK(memcg.stat(StatItem::kPgactivate) == 0);
    CHECK(memcg.stat(StatItem::kPgrefill) == 0);
    CHECK(memcg.memory.watermark() == mib(40));
    CHECK(memcg.memsw.usage() - memcg.memory.usage() == Pages{15392});
    machine.engine.check_invariants();
}

TEST_CASE("a limit below usage", "[engine][reclaim]") {
    SECTION("takes the cache") {
        CacheGroup cache("6.1", Layout::kV1, 5120);
        REQUIRE(cache.machine
                    .run(cache.machine.engine.set_limit(cache.memcg(), CounterKind::kMemory,
                                                        Pages{2560}))
                    .ok());
        CHECK(cache.memcg().memory.usage() <= Pages{2560});
        CHECK(cache.memcg().memory.failcnt() == 0);
    }
    SECTION("v1: EBUSY when nothing can go, and the old limit stays") {
        EngineFixture machine("6.1", Layout::kV1);
        Cgroup& group = machine.make_memory(machine.root(), "g");
        REQUIRE(machine.anon(machine.add_task(group), 2560).ok());
        const OperationResult result =
            machine.run(machine.engine.set_limit(*group.memcg, CounterKind::kMemory, Pages{1280}));
        REQUIRE_FALSE(result.ok());
        CHECK(result.error() == Errno::kEBUSY);
        CHECK(group.memcg->memory.max() == kPageCounterMax);
        CHECK(machine.sink.killed.empty());
    }
    SECTION("v2: kills, and the new limit stays") {
        EngineFixture machine("6.1", Layout::kV2);
        Cgroup& group = machine.make_memory(machine.root(), "g");
        REQUIRE(machine.anon(machine.add_task(group), 2560).ok());
        REQUIRE(machine.run(machine.engine.set_memory_max(*group.memcg, Pages{1280})).ok());
        CHECK(group.memcg->memory.max() == Pages{1280});
        CHECK(machine.sink.killed.size() == 1);
        CHECK(group.memcg->event(MemcgEvent::kOom) == 1);
        CHECK(group.memcg->memory.usage() == Pages{0});
    }
}

TEST_CASE("a limit's writer heeds another's value in newer kernels only", "[engine][reclaim]") {
    const auto [profile, goes_on] = GENERATE(std::pair{"alinux2", true}, std::pair{"5.10", true},
                                             std::pair{"6.1", false}, std::pair{"6.12", false});
    const bool high = GENERATE(true, false);
    Machine shape = test::roomy_machine();
    shape.swap = mib(256);
    EngineFixture machine(profile, Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.anon(machine.add_task(group), mib(128).count()).ok());
    Memcg& memcg = *group.memcg;
    const auto write = [&](Pages value) {
        return high ? machine.engine.set_memory_high(memcg, value)
                    : machine.engine.set_memory_max(memcg, value);
    };
    const OperationPtr writer = write(mib(4));
    Step step = writer->step();
    while (memcg.memory.usage() > mib(120) && step.kind != Step::Kind::kDone) {
        machine.clock.advance_to(step.until);
        step = writer->step();
    }
    REQUIRE(step.kind != Step::Kind::kDone);
    REQUIRE(machine.run(write(kPageCounterMax)).ok());
    while (step.kind != Step::Kind::kDone) {
        machine.clock.advance_to(step.until);
        step = writer->step();
    }
    CHECK((memcg.memory.usage() <= mib(4)) == goes_on);
    machine.engine.check_invariants();
}

TEST_CASE("v1 limits keep their order", "[engine][reclaim]") {
    EngineFixture machine("6.1", Layout::kV1);
    Memcg& memcg = *machine.make_memory(machine.root(), "g").memcg;
    const auto set = [&](CounterKind kind, Pages max) {
        const OperationResult result = machine.run(machine.engine.set_limit(memcg, kind, max));
        return result.ok() ? 0 : to_int(result.error());
    };
    CHECK(set(CounterKind::kMemsw, mib(10)) == EINVAL);
    CHECK(set(CounterKind::kMemory, mib(10)) == 0);
    CHECK(set(CounterKind::kMemsw, mib(20)) == 0);
    CHECK(set(CounterKind::kMemory, mib(21)) == EINVAL);
    CHECK(set(CounterKind::kMemsw, mib(9)) == EINVAL);
    CHECK(set(CounterKind::kMemory, mib(20)) == 0);
    CHECK(machine
              .run(machine.engine.set_limit(machine.engine.root_memcg(), CounterKind::kMemory,
                                            mib(1)))
              .error() == Errno::kEINVAL);
}

TEST_CASE("force_empty takes what can go and succeeds", "[engine][reclaim]") {
    CacheGroup cache("6.1", Layout::kV1, 5120);
    REQUIRE(cache.machine.anon(cache.task, 100).ok());
    REQUIRE(cache.machine.run(cache.machine.engine.force_empty(cache.memcg())).ok());
    CHECK(cache.memcg().memory.usage() == Pages{100});
    CHECK(cache.cache() == 0);
    CHECK(cache.machine.run(cache.machine.engine.force_empty(cache.machine.engine.root_memcg()))
              .error() == Errno::kEINVAL);
}

// DEVIATION(classic-lists): with generations it would be on the active list of anonymous memory.
TEST_CASE("fresh memory is inactive in every profile", "[engine][reclaim]") {
    const auto* profile = GENERATE("6.1", "6.12");
    CacheGroup cache(profile, Layout::kV2, 64);
    REQUIRE(cache.machine.anon(cache.task, 64).ok());
    CHECK(cache.memcg().stat(StatItem::kInactiveAnon) == 64);
    CHECK(cache.memcg().stat(StatItem::kActiveAnon) == 0);
    CHECK(cache.memcg().stat(StatItem::kInactiveFile) == 64);
}

TEST_CASE("pages used twice stay, pages used once go", "[engine][reclaim]") {
    CacheGroup cache("6.1", Layout::kV2, 1024);
    const MappingId hot = cache.machine.engine.create_mapping(cache.task, PageKind::kFile);
    REQUIRE(cache.machine.read_file(cache.task, hot, 512).ok());
    REQUIRE(cache.machine.read_file(cache.task, hot, 512).ok());
    CHECK(cache.memcg().stat(StatItem::kActiveFile) == 512);
    CHECK(cache.memcg().stat(StatItem::kPgactivate) == 512);
    REQUIRE(
        cache.machine.run(cache.machine.engine.reclaim_pages(cache.memcg(), Pages{512}, {})).ok());
    CHECK(cache.memcg().stat(StatItem::kActiveFile) == 512);
    cache.machine.engine.check_invariants();
}

/// How long a reclaim of `freed` pages of a group's 4096 took.
struct TimedReclaim {
    Nanos time{};
    std::int64_t freed = 0;
};

TimedReclaim reclaim_cache(Nanos unmap, bool mapped) {
    Machine shape = test::roomy_machine();
    shape.costs.reclaim_scan = from_millis(2);  // worth a sleep: what is not is lost at the end
    shape.costs.reclaim_unmap = unmap;
    CacheGroup cache("6.12", Layout::kV2, 4096, shape);
    Engine& engine = cache.machine.engine;
    if (mapped) {
        engine.map_mapping(cache.task, cache.file);
        REQUIRE(
            cache.machine.run(engine.touch(cache.task, cache.file, {0, 4096}, Access::kRead)).ok());
        // The marks in the page table, which would keep the pages for a while, go.
        REQUIRE(cache.machine.run(engine.advise(cache.task, cache.file, {0, 4096}, Advice::kCold))
                    .ok());
    }
    CHECK(cache.memcg().stat(StatItem::kFileMapped) == (mapped ? 4096 : 0));
    const std::int64_t before = cache.cache();
    const Nanos begin = cache.machine.clock.now();
    REQUIRE(cache.machine.run(engine.reclaim_pages(cache.memcg(), Pages{512}, {})).ok());
    engine.check_invariants();
    return {cache.machine.clock.now() - begin, before - cache.cache()};
}

TEST_CASE("reclaim of mapped pages takes the time to unmap them", "[engine][reclaim]") {
    constexpr Nanos kUnmap = from_millis(3);
    const TimedReclaim unmapped = reclaim_cache(kUnmap, false);
    const TimedReclaim mapped = reclaim_cache(kUnmap, true);
    REQUIRE(unmapped.freed >= 512);
    REQUIRE(mapped.freed == unmapped.freed);
    CHECK(unmapped.time > Nanos{0});
    CHECK(mapped.time == unmapped.time + kUnmap * unmapped.freed);
    CHECK(reclaim_cache(Nanos{0}, true).time == unmapped.time);
}

TEST_CASE("a page is unmapped from every task that maps it", "[engine][reclaim]") {
    constexpr Nanos kUnmap = from_millis(3);
    Machine shape = test::roomy_machine();
    shape.costs.reclaim_unmap = kUnmap;
    CacheGroup cache("6.1", Layout::kV2, 64, shape);
    Engine& engine = cache.machine.engine;
    for (const TaskId task : {cache.task, cache.machine.add_task(cache.group)}) {
        engine.map_mapping(task, cache.file);
        REQUIRE(cache.machine.run(engine.touch(task, cache.file, {0, 64}, Access::kRead)).ok());
    }
    const Nanos begin = cache.machine.clock.now();
    REQUIRE(
        cache.machine.run(engine.advise(cache.task, cache.file, {0, 64}, Advice::kPageout)).ok());
    CHECK(cache.cache() == 0);
    CHECK(cache.machine.clock.now() - begin == kUnmap * (2 * 64));
}

TEST_CASE("memory that goes to swap is unmapped first", "[engine][reclaim][swap]") {
    constexpr Nanos kUnmap = from_millis(3);
    const bool disk = GENERATE(false, true);
    const auto time = [&](Nanos unmap) {
        Machine shape = test::roomy_machine();
        shape.costs.reclaim_unmap = unmap;
        shape.costs.swap_out = from_millis(2);
        shape.costs.swap_submit = from_millis(2);
        test::add_zram(shape, mib(64));
        shape.swap_devices[0].synchronous = !disk;
        EngineFixture machine("6.1", Layout::kV2, shape);
        const TaskId task = machine.add_task(machine.make_memory(machine.root(), "g"));
        REQUIRE(machine.anon(task, 1000).ok());
        const Nanos begin = machine.clock.now();
        REQUIRE(machine.run(machine.engine.pageout(task)).ok());
        return machine.clock.now() - begin;
    };
    CHECK(time(kUnmap) == time(Nanos{0}) + kUnmap * 1000);
}

TEST_CASE("memory.min is not reclaimed, memory.low only at need", "[engine][reclaim]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    const TaskId task = machine.add_task(child);
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 6400).ok());
    const auto reclaim = [&] {
        return machine.run(machine.engine.reclaim_pages(*parent.memcg, Pages{320}, {}));
    };
    SECTION("min") {
        machine.engine.set_min(*child.memcg, mib(100));
        CHECK(reclaim().error() == Errno::kEAGAIN);
        CHECK(child.memcg->stat(StatItem::kPgscanDirect) == 0);
        CHECK(child.memcg->event(MemcgEvent::kLow) == 0);
    }
    SECTION("low") {
        machine.engine.set_low(*child.memcg, mib(100));
        CHECK(reclaim().ok());
        CHECK(child.memcg->event(MemcgEvent::kLow) > 0);
    }
}

TEST_CASE("a removed group's cache counts in the parent until it goes (G15)", "[engine][reclaim]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    const TaskId task = machine.add_task(child);
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 1000).ok());
    machine.engine.exit_task(task);
    REQUIRE(machine.engine.remove_cgroup(child.id).ok());
    CHECK(parent.memcg->memory.usage() == Pages{1000});
    CHECK(parent.dying_descendants == 1);
    CHECK(parent.descendants == 0);
    REQUIRE(machine.run(machine.engine.reclaim_pages(*parent.memcg, Pages{1000}, {})).ok());
    CHECK(parent.memcg->memory.usage() == Pages{0});
    CHECK(parent.dying_descendants == 0);
    machine.engine.check_invariants();
}

TEST_CASE("a limit that nothing has to be reclaimed for is set at once", "[engine][limit]") {
    EngineFixture v1("6.1", Layout::kV1);
    Memcg& old = *v1.make_memory(v1.root(), "g").memcg;
    REQUIRE(v1.anon(v1.add_task(*v1.engine.find(old.cgroup)), 100).ok());
    CHECK(v1.engine.set_limit(old, CounterKind::kMemory, Pages{1000})->finished());
    CHECK(old.memory.max() == Pages{1000});
    CHECK_FALSE(v1.engine.set_limit(old, CounterKind::kMemory, Pages{10})->finished());
    CHECK(old.memory.max() == Pages{1000});  // only its steps do it
    EngineFixture v2("6.1", Layout::kV2);
    Memcg& memcg = *v2.make_memory(v2.root(), "g").memcg;
    REQUIRE(v2.anon(v2.add_task(*v2.engine.find(memcg.cgroup)), 100).ok());
    CHECK(v2.engine.set_memory_max(memcg, Pages{1000})->finished());
    CHECK(v2.engine.set_memory_high(memcg, Pages{900})->finished());
    CHECK(memcg.memory.max() == Pages{1000});
    CHECK(memcg.memory.high() == Pages{900});
    CHECK_FALSE(v2.engine.set_memory_max(memcg, Pages{10})->finished());
    CHECK_FALSE(v2.engine.set_memory_high(memcg, Pages{10})->finished());
}

}  // namespace
}  // namespace memcgfs::engine
