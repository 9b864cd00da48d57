// SPDX-License-Identifier: MIT
//
// Effective memory.min and memory.low (G5): who is protected by how much when an ancestor is
// reclaimed.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;

constexpr Pages gib(std::uint64_t count) { return Pages{count << 18U}; }

/// Counters only: no page lies behind the usage.
struct Tree {
    explicit Tree(const char* profile = "6.1", bool recursive = true)
        : machine(profile, Layout::kV2, {}, {}, nullptr, {.memory_recursiveprot = recursive}) {}
    void use(Cgroup& group, Pages pages) { group.memcg->memory.charge(pages); }
    void evaluate() {
        (void)machine.run(machine.engine.reclaim_pages(*top.memcg, Pages{1}, {}));
    }
    EngineFixture machine;
    Cgroup& top = machine.make_memory(machine.root(), "t");
    Cgroup& parent = machine.make_memory(top, "p");
    Cgroup& a = machine.make_memory(parent, "a");
    Cgroup& b = machine.make_memory(parent, "b");
};

TEST_CASE("children that claim too much share in proportion", "[engine][protection]") {
    Tree tree;
    tree.machine.engine.set_low(*tree.parent.memcg, gib(10));
    tree.machine.engine.set_low(*tree.a.memcg, gib(8));
    tree.machine.engine.set_low(*tree.b.memcg, gib(8));
    tree.use(tree.a, gib(8));
    tree.use(tree.b, gib(4));
    tree.evaluate();
    CHECK(tree.parent.memcg->memory.elow == gib(10));
    CHECK(tree.a.memcg->memory.elow == Pages{1747626});
    CHECK(tree.b.memcg->memory.elow == Pages{873813});
}

TEST_CASE("what nobody claims is shared with memory_recursiveprot alone",
          "[engine][protection]") {
    const bool recursive = GENERATE(false, true);
    Tree tree("6.1", recursive);
    tree.machine.engine.set_low(*tree.parent.memcg, gib(10));
    tree.use(tree.a, gib(15));
    tree.use(tree.b, gib(5));
    tree.evaluate();
    CHECK(tree.a.memcg->memory.elow == (recursive ? gib(15) / 2 : Pages{0}));
    CHECK(tree.b.memcg->memory.elow == (recursive ? gib(5) / 2 : Pages{0}));
}

TEST_CASE("the same on top of what they claim", "[engine][protection]") {
    Tree tree;
    tree.machine.engine.set_min(*tree.parent.memcg, gib(8));
    tree.machine.engine.set_min(*tree.a.memcg, gib(2));
    tree.machine.engine.set_min(*tree.b.memcg, gib(1));
    tree.use(tree.a, gib(6));
    tree.use(tree.b, gib(4));
    tree.evaluate();
    CHECK(tree.a.memcg->memory.emin == gib(2) + gib(5) * 4 / 7);
    CHECK(tree.b.memcg->memory.emin == gib(1) + gib(5) * 3 / 7);
}

TEST_CASE("the group that is reclaimed keeps what an earlier walk gave it",
          "[engine][protection]") {
    const auto [profile, keeps] =
        GENERATE(table<const char*, bool>({{"6.1", true}, {"6.12", false}}));
    EngineFixture machine(profile, Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& group = machine.make_memory(parent, "g");
    const TaskId task = machine.add_task(group);
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 1000).ok());
    machine.engine.set_min(*group.memcg, Pages{2000});
    const auto reclaim = [&](Cgroup& root) {
        return machine.run(machine.engine.reclaim_pages(*root.memcg, Pages{100}, {}));
    };
    SECTION("nothing before any other walk") {
        CHECK(reclaim(group).ok());
        return;
    }
    CHECK(reclaim(parent).error() == Errno::kEAGAIN);
    CHECK(group.memcg->memory.emin == Pages{2000});
    CHECK(reclaim(group).ok() == !keeps);
}

}  // namespace
}  // namespace memcgfs::engine
