// SPDX-License-Identifier: MIT
//
// Memory policies, migration between nodes, memory hotplug (spec 2.6, 4.1; mm/mempolicy.c).
#include <cmath>

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;
using Mode = MemPolicy::Mode;

constexpr auto kNormal = static_cast<std::size_t>(ZoneType::kNormal);

/// Four nodes of 256 MiB and one CPU, which is the first node's.
struct FourNodes {
    FourNodes()
        : machine("6.12", Layout::kV2, shape()), group(machine.make_memory(machine.root(), "g")) {
        task = machine.add_task(group);
    }
    static Machine shape() {
        Machine machine;
        machine.nodes.resize(4);
        machine.memory = mib(1024);
        machine.thp = ThpMode::kNever;
        for (MachineNode& node : machine.nodes) {
            node.managed[kNormal] = mib(256);
        }
        return machine;
    }
    std::vector<std::int64_t> anon() const {
        std::vector<std::int64_t> pages;
        for (NodeId node = 0; node < 4; node++) {
            pages.push_back(group.memcg->node_stat_total(node, StatItem::kAnon));
        }
        return pages;
    }
    ZoneStat zone(std::size_t node) const {
        return machine.engine.machine_stat().nodes[node].zones[kNormal];
    }
    void policy(Mode mode, NodeMask nodes) {
        REQUIRE(machine.engine.set_mempolicy(task, {mode, nodes}).ok());
    }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
};

using Counts = std::vector<std::int64_t>;

TEST_CASE("pages come from the CPU's node, then from the next", "[engine][numa]") {
    FourNodes nodes;
    REQUIRE(nodes.machine.anon(nodes.task, mib(300).count()).ok());
    const auto low = static_cast<std::int64_t>(nodes.zone(0).low.count());
    const auto whole = static_cast<std::int64_t>(mib(256).count());
    CHECK(nodes.anon()[0] == whole - low);
    CHECK(nodes.anon()[1] == static_cast<std::int64_t>(mib(300).count()) - whole + low);
    CHECK(nodes.anon()[2] == 0);
    nodes.machine.engine.check_invariants();
}

TEST_CASE("policies choose the nodes", "[engine][numa]") {
    FourNodes nodes;
    SECTION("bind") {
        nodes.policy(Mode::kBind, 0b0100);
        REQUIRE(nodes.machine.anon(nodes.task, 1000).ok());
        CHECK(nodes.anon() == Counts{0, 0, 1000, 0});
    }
    SECTION("preferred") {
        nodes.policy(Mode::kPreferred, 0b1000);
        REQUIRE(nodes.machine.anon(nodes.task, 1000).ok());
        CHECK(nodes.anon() == Counts{0, 0, 0, 1000});
    }
    SECTION("interleave") {
        nodes.policy(Mode::kInterleave, 0b1011);
        REQUIRE(nodes.machine.anon(nodes.task, 3840).ok());
        CHECK(nodes.anon() == Counts{1280, 1280, 0, 1280});
    }
    SECTION("and back to the default") {
        nodes.policy(Mode::kBind, 0b0100);
        nodes.policy(Mode::kDefault, 0);
        REQUIRE(nodes.machine.anon(nodes.task, 1000).ok());
        CHECK(nodes.anon() == Counts{1000, 0, 0, 0});
    }
    nodes.machine.engine.check_invariants();
}

TEST_CASE("a policy without possible nodes is refused", "[engine][numa]") {
    FourNodes nodes;
    Engine& engine = nodes.machine.engine;
    CHECK(engine.set_mempolicy(nodes.task, {Mode::kBind, 0}).error() == Errno::kEINVAL);
    CHECK(engine.set_mempolicy(nodes.task, {Mode::kBind, 0b10000}).error() == Errno::kEINVAL);
    CHECK(engine.set_mempolicy({}, {Mode::kBind, 1}).error() == Errno::kESRCH);
    CHECK(nodes.machine.run(engine.migrate_pages(nodes.task, 0, 1)).error() == Errno::kEINVAL);
    CHECK(nodes.machine.run(engine.migrate_pages(nodes.task, 1, 0b10001)).error() ==
          Errno::kEINVAL);
}

TEST_CASE("a task bound to a full node dies while others have room", "[engine][numa]") {
    FourNodes nodes;
    nodes.policy(Mode::kBind, 0b0010);
    CHECK_FALSE(nodes.machine.anon(nodes.task, mib(300).count()).ok());
    CHECK(nodes.machine.sink.killed.size() == 1);
    CHECK(nodes.zone(0).free == mib(256));
}

TEST_CASE("migration moves pages and their charge stays", "[engine][numa]") {
    FourNodes nodes;
    nodes.policy(Mode::kInterleave, 0b0011);
    REQUIRE(nodes.machine.anon(nodes.task, 2560).ok());
    const Pages usage = nodes.group.memcg->memory.usage();
    const OperationResult left =
        nodes.machine.run(nodes.machine.engine.migrate_pages(nodes.task, 0b0011, 0b1100));
    REQUIRE(left.ok());
    CHECK(*left == 0);
    CHECK(nodes.anon() == Counts{0, 0, 1280, 1280});
    CHECK(nodes.group.memcg->memory.usage() == usage);
    CHECK(nodes.zone(0).free == mib(256));
    CHECK(nodes.machine.engine.machine_stat().event(VmEvent::kPgmigrateSuccess) == 2560);
    CHECK(nodes.group.memcg->stat(StatItem::kPgpgout) == 0);
    nodes.machine.engine.check_invariants();
}

TEST_CASE("pages that find no room stay", "[engine][numa]") {
    FourNodes nodes;
    nodes.policy(Mode::kBind, 0b0010);
    REQUIRE(nodes.machine.anon(nodes.task, mib(200).count()).ok());
    nodes.policy(Mode::kBind, 0b0001);
    REQUIRE(nodes.machine.anon(nodes.task, mib(200).count()).ok());
    const OperationResult left =
        nodes.machine.run(nodes.machine.engine.migrate_pages(nodes.task, 0b0001, 0b0010));
    REQUIRE(left.ok());
    const Pages room = mib(56) - nodes.zone(1).min;
    CHECK(*left == (mib(200) - room).count());
    nodes.machine.engine.check_invariants();
}

TEST_CASE("a memory block goes off line and comes back", "[engine][numa]") {
    FourNodes nodes;
    Engine& engine = nodes.machine.engine;
    REQUIRE(nodes.machine.anon(nodes.task, mib(200).count()).ok());
    const MachineStat before = engine.machine_stat();
    REQUIRE(nodes.machine.run(engine.offline_memory(0, ZoneType::kNormal)).ok());
    CHECK(nodes.zone(0).managed == mib(128));
    CHECK(engine.machine_stat().min_free_kbytes < before.min_free_kbytes);
    const auto counts = nodes.anon();
    CHECK(counts[0] <= static_cast<std::int64_t>(mib(128).count()));
    CHECK(counts[0] + counts[1] == static_cast<std::int64_t>(mib(200).count()));
    engine.check_invariants();

    // What is computed later leaves out the pages below the high marks, which are 0 at boot.
    Pages buffer = mib(1024);
    for (std::size_t node = 0; node < 4; node++) {
        buffer -= nodes.zone(node).high;
    }
    REQUIRE(engine.online_memory(0, ZoneType::kNormal).ok());
    CHECK(nodes.zone(0).managed == mib(256));
    const auto root =
        static_cast<std::uint64_t>(std::sqrt(static_cast<double>(buffer.count() * 4 * 16)));
    CHECK(engine.machine_stat().min_free_kbytes == root);
    CHECK(nodes.zone(0).min == Pages{root / 4 / 4});
    CHECK(engine.online_memory(0, ZoneType::kNormal).error() == Errno::kEINVAL);
    CHECK(engine.online_memory(9, ZoneType::kNormal).error() == Errno::kEINVAL);
    engine.check_invariants();
}

TEST_CASE("a block whose pages have nowhere to go stays", "[engine][numa]") {
    FourNodes nodes;
    Engine& engine = nodes.machine.engine;
    REQUIRE(nodes.machine.anon(nodes.task, mib(950).count()).ok());
    const OperationResult result = nodes.machine.run(engine.offline_memory(0, ZoneType::kNormal));
    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == Errno::kEBUSY);
    CHECK(nodes.zone(0).managed == mib(256));
    CHECK(nodes.machine.sink.killed.empty());
    CHECK(nodes.machine.run(engine.offline_memory(0, ZoneType::kDma)).error() == Errno::kEINVAL);
    engine.check_invariants();
}

TEST_CASE("cache makes way for a block that goes off line", "[engine][numa]") {
    FourNodes nodes;
    Engine& engine = nodes.machine.engine;
    const MappingId file = engine.create_mapping(nodes.task, PageKind::kFile);
    REQUIRE(nodes.machine.read_file(nodes.task, file, mib(950).count()).ok());
    CHECK(nodes.machine.run(engine.offline_memory(1, ZoneType::kNormal)).ok());
    CHECK(nodes.zone(1).managed == mib(128));
    engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
