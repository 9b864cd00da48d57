// SPDX-License-Identifier: MIT
//
// Reclaim sees statistics as of their last flush. The counts are those of real kernels
// (conformance case stat-flush).
#include "engine/stat_flush.h"

#include "support/engine_access.h"
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

/// What happens between two writes of a limit.
enum class Between : std::uint8_t { kNothing, kRead, kReadOfParent, kReadOfSibling, kTime };

/// A group below "p" that has used 32 MiB of cache twice.
struct Hot {
    explicit Hot(const char* profile)
        : machine(profile, Layout::kV2),
          parent(machine.make_memory(machine.root(), "p")),
          group(machine.make_memory(parent, "g")),
          sibling(machine.make_memory(parent, "s")),
          task(machine.add_task(group)) {
        read(machine.engine.create_mapping(task, PageKind::kFile), mib(32), 2);
        machine.clock.advance(from_millis(2000));
    }
    void read(MappingId file, Pages pages, int times) {
        for (int time = 0; time < times; time++) {
            REQUIRE(machine.read_file(task, file, pages.count()).ok());
        }
    }
    void high(std::uint64_t kib) {
        REQUIRE(machine.run(machine.engine.set_memory_high(memcg(), Pages{kib / 4})).ok());
        machine.engine.check_invariants();
    }
    void then(Between what) {
        if (what == Between::kRead) {
            machine.engine.flush_stats(memcg());
        } else if (what == Between::kReadOfParent) {
            machine.engine.flush_subtree(*parent.memcg);
        } else if (what == Between::kReadOfSibling) {
            machine.engine.flush_stats(*sibling.memcg);
        } else if (what == Between::kTime) {
            machine.clock.advance(from_millis(2000));
        }
    }
    Memcg& memcg() const { return *group.memcg; }
    std::int64_t stat(StatItem item) const { return memcg().stat(item); }
    EngineFixture machine;
    Cgroup& parent;
    Cgroup& group;
    Cgroup& sibling;
    TaskId task;
};

TEST_CASE("6.12 deactivates to the end of a reclaim call as it began", "[engine][stat_flush]") {
    struct Lowered {
        std::uint64_t high_kib;
        std::int64_t stolen;
        std::int64_t refilled_61;
        std::int64_t refilled_612;
    };
    const auto test = GENERATE(Lowered{28648, 1641, 4512, 4512}, Lowered{24552, 4100, 5824, 7904},
                               Lowered{20456, 5124, 5824, 8192}, Lowered{12288, 5824, 5824, 8192});
    Hot old("6.1");
    old.high(test.high_kib);
    CHECK(old.stat(StatItem::kPgstealDirect) == test.stolen);
    CHECK(old.stat(StatItem::kPgrefill) == test.refilled_61);
    Hot current("6.12");
    current.high(test.high_kib);
    CHECK(current.stat(StatItem::kPgstealDirect) == test.stolen);
    CHECK(current.stat(StatItem::kPgrefill) == test.refilled_612);
}

TEST_CASE("later calls see what the first one saw until a flush", "[engine][stat_flush]") {
    struct Case {
        const char* profile;
        Between between;
        std::int64_t refilled;
        std::int64_t stolen;
    };
    const auto test = GENERATE(
        Case{"6.1", Between::kNothing, 6546, 5177}, Case{"6.1", Between::kTime, 6546, 5177},
        Case{"6.12", Between::kNothing, 7455, 5598}, Case{"6.12", Between::kRead, 6481, 5362},
        Case{"6.12", Between::kReadOfParent, 6481, 5362},
        Case{"6.12", Between::kReadOfSibling, 7455, 5598},
        Case{"6.12", Between::kTime, 6481, 5362});
    Hot hot(test.profile);
    for (const std::uint64_t kib : {28652, 24576, 20464, 16448, 12288}) {
        hot.high(kib);
        hot.then(test.between);
    }
    CHECK(hot.stat(StatItem::kPgrefill) == test.refilled);
    CHECK(hot.stat(StatItem::kPgstealDirect) == test.stolen);
}

TEST_CASE("6.12 lets a stream pass the hot pages until it looks again", "[engine][stat_flush]") {
    const auto [profile, loses] = GENERATE(std::pair{"6.1", false}, std::pair{"6.12", true});
    Hot hot(profile);
    const bool flushed = GENERATE(false, true);
    hot.machine.limit(hot.group, mib(96));
    const auto stream = [&](Pages pages) {
        hot.read(hot.machine.engine.create_mapping(hot.task, PageKind::kFile), pages, 1);
    };
    stream(mib(60));
    REQUIRE(hot.stat(StatItem::kPgdeactivate) == 0);
    hot.then(flushed ? Between::kTime : Between::kNothing);
    stream(mib(20));
    CHECK((hot.stat(StatItem::kPgdeactivate) > 0) == (loses && !flushed));
}

TEST_CASE("what swap has written goes, however old the statistics", "[engine][stat_flush][swap]") {
    Machine shape = test::roomy_machine();
    shape.swap = mib(64);
    const auto* profile = GENERATE("6.1", "6.12");
    EngineFixture machine(profile, Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.anon(machine.add_task(group), mib(16).count()).ok());
    // Its last pages are active while they are being written.
    REQUIRE(machine.run(machine.engine.reclaim_pages(*group.memcg, mib(16), {})).ok());
    CHECK(group.memcg->memory.usage() == Pages{0});
}

TEST_CASE("a refault is judged by the active list of the last flush", "[engine][stat_flush]") {
    const auto* profile = GENERATE("6.1", "6.12");
    const auto [between, activated] =
        GENERATE(std::pair{Between::kNothing, 0}, std::pair{Between::kRead, 512},
                 std::pair{Between::kTime, 512});
    EngineFixture machine(profile, Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    const auto read = [&](MappingId file, Pages pages) {
        REQUIRE(machine.read_file(task, file, pages.count()).ok());
    };
    const auto file = [&] { return machine.engine.create_mapping(task, PageKind::kFile); };
    const MappingId cold = file();
    const MappingId warm = file();
    const MappingId hot = file();
    read(cold, mib(8));
    read(warm, mib(2));
    read(warm, mib(2));
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, mib(6))).ok());
    REQUIRE(machine.run(machine.engine.set_memory_high(*group.memcg, kPageCounterMax)).ok());
    machine.clock.advance(from_millis(2000));
    read(hot, mib(3));
    read(hot, mib(3));
    if (between == Between::kRead) {
        machine.engine.flush_stats(*group.memcg);
    } else if (between == Between::kTime) {
        machine.clock.advance(from_millis(2000));
    }
    read(cold, mib(8));
    CHECK(group.memcg->stat(StatItem::kWorkingsetRefaultFile) == 1454);
    CHECK(group.memcg->stat(StatItem::kWorkingsetActivateFile) == activated);
}

TEST_CASE("a flush is for the group and below, in 6.1 for all", "[engine][stat_flush]") {
    const auto [profile, first] = GENERATE(std::pair{"6.12", 0}, std::pair{"6.1", 10},
                                           std::pair{"5.10", 10}, std::pair{"alinux2", 10});
    EngineFixture machine(profile, Layout::kV2);
    Cgroup& above = machine.make_memory(machine.root(), "a");
    Cgroup& group = machine.make_memory(above, "b");
    const Engine::State& state = EngineAccess::state(machine.engine);
    const auto seen = [&](const Cgroup& of) {
        return lruvec_page_state(state, *of.memcg, 0, StatItem::kInactiveAnon);
    };
    const TaskId task = machine.add_task(group);
    const bool lags = state.profile().stat_flush != StatFlush::kNever;
    REQUIRE(machine.anon(task, 10).ok());
    CHECK(seen(group) == (lags ? 0 : 10));
    machine.engine.flush_stats(*group.memcg);
    CHECK(seen(group) == 10);
    CHECK(seen(above) == first);
    CHECK(seen(machine.root()) == first);
    REQUIRE(machine.anon(task, 5).ok());
    CHECK(seen(group) == (lags ? 10 : 15));
    machine.engine.flush_subtree(*above.memcg);
    CHECK(seen(group) == 15);
    CHECK(seen(above) == 15);
    machine.engine.flush_stats(machine.engine.root_memcg());
    CHECK(seen(machine.root()) == 15);
}

TEST_CASE("each node has its own", "[engine][stat_flush]") {
    Machine shape;
    shape.memory = mib(2048);
    shape.nodes.resize(2);
    for (MachineNode& node : shape.nodes) {
        node.managed[static_cast<std::size_t>(ZoneType::kNormal)] = mib(1024);
    }
    shape.cpus = 2;
    EngineFixture machine("6.12", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const Engine::State& state = EngineAccess::state(machine.engine);
    const auto seen = [&](NodeId node) {
        return lruvec_page_state(state, *group.memcg, node, StatItem::kInactiveAnon);
    };
    REQUIRE(machine.anon(machine.add_task(group), 100).ok());
    CHECK(seen(0) + seen(1) == 0);
    machine.engine.flush_stats(*group.memcg);
    for (NodeId node = 0; node < 2; node++) {
        CHECK(seen(node) == group.memcg->node_stat_total(node, StatItem::kInactiveAnon));
    }
    CHECK(seen(0) + seen(1) == 100);
    REQUIRE(machine.anon(machine.add_task(group), 100).ok());
    CHECK(seen(0) + seen(1) == 100);
}

}  // namespace
}  // namespace memcgfs::engine
