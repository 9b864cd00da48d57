// SPDX-License-Identifier: MIT
//
// NUMA nodes: where pages are, and that reclaim visits every node.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

Machine two_nodes() {
    Machine machine;
    machine.memory = mib(1024);
    machine.cpus = 2;
    machine.nodes.resize(2);
    for (MachineNode& node : machine.nodes) {
        node.managed[static_cast<std::size_t>(ZoneType::kNormal)] = mib(512);
    }
    return machine;
}

/// Two tasks of one group, one on each CPU, have read a file each.
struct TwoNodes {
    explicit TwoNodes(const char* profile)
        : machine(profile, Layout::kV2, two_nodes()),
          group(machine.make_memory(machine.root(), "g")) {
        for (int reader = 0; reader < 2; reader++) {
            const TaskId task = machine.add_task(group);
            const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
            REQUIRE(machine.read_file(task, file, 1000).ok());
        }
    }
    std::int64_t cache(NodeId node) const {
        return group.memcg->node_stat_total(node, StatItem::kFile);
    }
    EngineFixture machine;
    Cgroup& group;
};

TEST_CASE("pages are on the node of the CPU that reads them", "[engine][node]") {
    TwoNodes nodes("6.12");
    CHECK(nodes.machine.engine.node_count() == 2);
    CHECK(nodes.cache(0) == 1000);
    CHECK(nodes.cache(1) == 1000);
    CHECK(nodes.group.memcg->lruvec(1).size(LruList::kInactiveFile) == Pages{1000});
    CHECK(nodes.machine.engine.root_memcg().node_stat_total(1, StatItem::kInactiveFile) == 1000);
    nodes.machine.engine.check_invariants();
}

TEST_CASE("one pass of reclaim scans every node", "[engine][node]") {
    const auto* profile = GENERATE("6.1", "6.12");
    TwoNodes nodes(profile);
    const OperationResult result =
        nodes.machine.run(nodes.machine.engine.reclaim_pages(*nodes.group.memcg, Pages{32}, {}));
    CHECK(result.ok());
    CHECK(nodes.cache(0) < 1000);
    CHECK(nodes.cache(1) < 1000);
    nodes.machine.engine.check_invariants();
}

TEST_CASE("all memory of all nodes can be reclaimed", "[engine][node]") {
    const auto* profile = GENERATE("6.1", "6.12");
    TwoNodes nodes(profile);
    const OperationResult result =
        nodes.machine.run(nodes.machine.engine.reclaim_pages(*nodes.group.memcg, Pages{4000}, {}));
    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == Errno::kEAGAIN);
    CHECK(nodes.cache(0) == 0);
    CHECK(nodes.cache(1) == 0);
    nodes.machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
