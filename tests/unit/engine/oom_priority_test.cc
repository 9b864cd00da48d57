// SPDX-License-Identifier: MIT
//
// Alibaba's memory.priority: whom the OOM killer takes first.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

/// p with a limit of 16 MiB; a and b below, and x and y below a.
struct Tree {
    explicit Tree(Layout layout = Layout::kV1) : machine("alinux2", layout) {
        p.memcg->use_priority_oom = true;
    }
    TaskId hog(Cgroup& group, std::uint64_t pages, std::int32_t adj = 0) {
        const TaskId task = machine.add_task(group, adj);
        REQUIRE(machine.anon(task, pages).ok());
        return task;
    }
    EngineFixture machine;
    Cgroup& p = machine.make_memory(machine.root(), "p");
    Cgroup& a = machine.make_memory(p, "a");
    Cgroup& b = machine.make_memory(p, "b");
};

/// Touches until somebody has been killed; who.
std::vector<std::int32_t> next_kill(EngineFixture& machine, TaskId eater) {
    machine.sink.killed.clear();
    (void)machine.anon(eater, mib(17).count());
    return machine.sink.killed;
}

TEST_CASE("the lowest priority goes first, whatever the others use", "[engine][oom]") {
    Tree tree;
    EngineFixture& machine = tree.machine;
    machine.limit(tree.p, mib(16));
    const TaskId small = tree.hog(tree.a, 100);
    tree.hog(tree.b, 3000);
    const TaskId own = tree.hog(tree.p, 10);
    tree.a.memcg->oom_priority = 1;
    tree.b.memcg->oom_priority = GENERATE(0, 1, 2);
    REQUIRE(machine.anon(small, 300).ok());
    // The one that asks is the parent's own process: those are taken last.
    const std::vector<std::int32_t> killed = next_kill(machine, own);
    REQUIRE_FALSE(killed.empty());
    const std::uint32_t other = tree.b.memcg->oom_priority;
    // Equal priorities: b, which uses more.
    CHECK(killed.front() == (other == 2 ? 100 : 101));
    CHECK(killed.back() == 102);
    CHECK(killed.size() == 3);
}

TEST_CASE("the choice goes down the tree, past those without a victim", "[engine][oom]") {
    Tree tree(Layout::kV1);
    EngineFixture& machine = tree.machine;
    Cgroup& x = machine.make(tree.a, "x");
    Cgroup& y = machine.make(tree.a, "y");
    tree.b.memcg->oom_priority = 5;
    x.memcg->oom_priority = 3;
    y.memcg->oom_priority = 7;
    machine.limit(tree.p, mib(16));
    const TaskId in_b = tree.hog(tree.b, 100);
    const TaskId spared = tree.hog(x, 1000, -1000);
    const TaskId in_y = tree.hog(y, 100);
    const TaskId in_a = tree.hog(tree.a, 2000);
    CHECK(next_kill(machine, in_b) == std::vector{102, 103, 100});
    CHECK(machine.engine.find(spared) != nullptr);
    CHECK(machine.engine.find(in_y) == nullptr);
    CHECK(machine.engine.find(in_a) == nullptr);
}

TEST_CASE("only the group whose limit is hit says whether priorities count", "[engine][oom]") {
    Tree tree;
    EngineFixture& machine = tree.machine;
    tree.p.memcg->use_priority_oom = false;
    tree.a.memcg->use_priority_oom = true;
    tree.b.memcg->oom_priority = 12;
    machine.limit(tree.p, mib(16));
    const TaskId small = tree.hog(tree.a, 100);
    const TaskId large = tree.hog(tree.b, 3000);
    CHECK(next_kill(machine, small).front() == 101);
    CHECK(machine.engine.find(large) == nullptr);
}

TEST_CASE("direct reclaim is timed for the group and those above", "[engine][latency]") {
    Machine shape;
    shape.costs = {.fault = Nanos{0}, .reclaim_scan = from_millis(1), .swap_out = from_millis(2)};
    test::add_zram(shape, mib(64));
    EngineFixture machine("alinux2", Layout::kV1, shape);
    Cgroup& parent = machine.make(machine.root(), "p");
    Cgroup& group = machine.make(parent, "g");
    machine.limit(group, mib(1));
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, 257).ok());
    const LatencyHistogram& latency = group.memcg->direct_reclaim_latency;
    std::uint64_t samples = 0;
    for (std::size_t bucket = 0; bucket < LatencyHistogram::kBuckets; bucket++) {
        samples += latency.bucket(bucket);
        CHECK(parent.memcg->direct_reclaim_latency.bucket(bucket) == latency.bucket(bucket));
    }
    CHECK(samples == 1);  // one page too many is one reclaim
    const auto written = static_cast<std::uint64_t>(group.memcg->stat(StatItem::kSwap));
    REQUIRE(written >= 32);
    // Every page written took two milliseconds, every page scanned one.
    CHECK(group.memcg->direct_swapout_latency.bucket(1) == written);
    CHECK(latency.total_millis() >= static_cast<std::int64_t>(2 * written));
    CHECK(machine.root().memcg->direct_swapout_latency.bucket(1) == written);
}

}  // namespace
}  // namespace memcgfs::engine
