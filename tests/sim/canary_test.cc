// SPDX-License-Identifier: MIT
//
// Each checker against an engine that has been damaged for it: a checker that finds nothing would
// prove nothing.
#include <functional>

#include "sim/checkers.h"
#include "support/catch.hpp"
#include "support/engine_fixture.h"

namespace memcgfs::test {
namespace {

using namespace engine;

/// Groups /a and /a/b, a task in each, memory of every kind, some of it in swap.
class Busy {
public:
    explicit Busy(Layout layout = Layout::kV2)
        : fixture("6.1", layout, machine()), checkers(fixture.engine, live) {
        Cgroup& group = fixture.make_memory(fixture.root(), "a");
        memcg = group.memcg;
        Cgroup& below = fixture.make_memory(group, "b");
        child = below.memcg;
        task = fixture.add_task(below);
        REQUIRE(fixture.anon(task, 300).ok());
        const auto file = fixture.engine.create_mapping(task, PageKind::kFile);
        REQUIRE(fixture.read_file(task, file, 100).ok());
        REQUIRE(fixture.run(fixture.engine.pageout(task)).ok());
        REQUIRE(fixture.anon(task, 200).ok());
    }

    Engine::State& state() { return EngineAccess::state(fixture.engine); }

    EngineFixture fixture;
    LiveOperations live;
    Checkers checkers;
    Memcg* memcg = nullptr;
    Memcg* child = nullptr;
    TaskId task;

private:
    static Machine machine() {
        Machine shape;
        shape.swap = Pages{1024};
        return shape;
    }
};

struct Canary {
    const char* checker;
    const char* damage_name;
    void (*damage)(Busy& busy);
};

const Canary kCanaries[] = {
    {"stat_pages", "a page too many in memory.stat",
     [](Busy& b) { b.child->add_node_stat(0, StatItem::kAnon, 1); }},
    {"stat_pages", "a huge page too many in memory.stat",
     [](Busy& b) { b.child->add_node_stat(0, StatItem::kAnonThp, kHugePages); }},
    {"stat_pages", "a list that has lost a page",
     [](Busy& b) { b.child->add_node_stat(0, StatItem::kInactiveAnon, -1); }},
    {"counters", "a charge that leaked", [](Busy& b) { b.child->memory.charge(Pages{1}); }},
    {"counters", "a charge of the parent alone", [](Busy& b) { b.memcg->memory.charge(Pages{1}); }},
    {"swap", "a slot that leaked", [](Busy& b) { b.state().swap_used += Pages{1}; }},
    {"swap", "a slot charged twice", [](Busy& b) { b.child->swap.charge(Pages{1}); }},
    {"mappings", "a user too many",
     [](Busy& b) { b.state().mappings.for_each([](Mapping& m) { m.users++; }); }},
    {"mappings", "resident pages miscounted",
     [](Busy& b) { b.state().mappings.for_each([](Mapping& m) { m.resident += Pages{1}; }); }},
    {"mappings", "a torn page that is not there",
     [](Busy& b) { b.state().torn_pages.add(b.child->id(), {}); }},
    {"mappings", "half a huge page",
     [](Busy& b) {
         b.state().mappings.for_each([](Mapping& m) { m.next(0)->state.huge = true; });
     }},
    {"hierarchy", "a negative statistic",
     [](Busy& b) { b.child->add_node_stat(0, StatItem::kSlabReclaimable, -1); }},
    {"limits", "growth above max",
     [](Busy& b) {
         b.child->memory.set_max(b.child->memory.usage());
         b.checkers.run(true);
         b.child->memory.charge(Pages{1});
     }},
    {"peaks", "a peak below usage",
     [](Busy& b) { EngineAccess::watermark(b.child->memory) = Pages{1}; }},
    {"monotone", "an event taken back",
     [](Busy& b) {
         EngineAccess::event_total(*b.child, MemcgEvent::kMax) = 5;
         b.checkers.run(false);
         EngineAccess::event_total(*b.child, MemcgEvent::kMax) = 4;
     }},
    {"monotone", "a statistic taken back",
     [](Busy& b) { b.child->add_stat(StatItem::kPgpgin, -1); }},
    {"protection", "a child's protected usage miscounted",
     [](Busy& b) {
         b.child->memory.set_low(Pages{50});
         b.memcg->children.clear();
     }},
    {"dying", "a removed group that nobody frees", [](Busy& b) { b.memcg->online = false; }},
    {"stocks", "a stock that is too large", [](Busy& b) { b.state().stocks[0].pages = Pages{65}; }},
    {"populated", "a member too many", [](Busy& b) { b.state().unified->root->populated_count++; }},
    {"members", "a task in no group",
     [](Busy& b) { b.state().cgroups.find(b.child->cgroup)->tasks.clear(); }},
    {"dying_tasks", "a dying task that nothing ends",
     [](Busy& b) { b.state().tasks.find(b.task)->dying = true; }},
    {"waiters", "a waiter that is not there",
     [](Busy& b) {
         b.state().oom_waiters.push_back({OperationId{77}, b.child});
     }},
    {"waiters", "under_oom that nobody takes back", [](Busy& b) { b.child->under_oom = 1; }},
    {"content", "a counter that tells nobody",
     [](Busy& b) {
         b.child->memory.tell(nullptr);
         b.child->memory.charge(Pages{1});
     }},
    {"workers", "work queued and no worker", [](Busy& b) { b.child->wmark.pending = true; }},
    {"workers", "a worker that is not there", [](Busy& b) { b.child->wmark.running = true; }},
};

TEST_CASE("every checker is content with an engine that is well", "[sim]") {
    const Layout layout = GENERATE(Layout::kV1, Layout::kV2, Layout::kHybrid);
    Busy busy(layout);
    for (const Checker& checker : checkers()) {
        CHECK_NOTHROW(busy.checkers.run_one(checker.name));
    }
    busy.fixture.engine.check_invariants();
}

TEST_CASE("every checker finds the damage made for it", "[sim]") {
    for (const Canary& canary : kCanaries) {
        INFO(canary.checker << ": " << canary.damage_name);
        Busy busy;
        busy.checkers.run(true);
        canary.damage(busy);
        CHECK_THROWS_AS(busy.checkers.run_one(canary.checker), Violation);
    }
}

TEST_CASE("no checker is without a canary", "[sim]") {
    for (const Checker& checker : checkers()) {
        INFO(checker.name);
        CHECK(std::any_of(std::begin(kCanaries), std::end(kCanaries),
                          [&](const Canary& canary) { return checker.name == canary.checker; }));
    }
}

}  // namespace
}  // namespace memcgfs::test
