// SPDX-License-Identifier: MIT
//
// Huge pages given up in part. Numbers were measured on Debian's 6.1 and 6.12.
#include "engine/torn_page.h"

#include "engine/footprint.h"
#include "support/engine_access.h"
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr std::int64_t kHuge = 512;

Machine machine_with(std::uint64_t swap, NodeId nodes = 1) {
    Machine machine = test::roomy_machine();
    machine.swap = mib(swap);
    if (swap > 0) {
        machine.swap_devices = {{.pages = mib(swap)}};
    }
    if (nodes > 1) {
        machine.nodes.resize(nodes);
        machine.memory = mib(1024) * nodes;
        for (MachineNode& node : machine.nodes) {
            node.managed[static_cast<std::size_t>(ZoneType::kNormal)] = mib(1024);
        }
    }
    return machine;
}

/// A task in a group with four huge pages.
struct Torn {
    explicit Torn(Machine shape = machine_with(0), const char* profile = "6.12",
                  Layout layout = Layout::kV2)
        : machine(profile, layout, shape), group(machine.make_memory(machine.root(), "g")) {
        task = machine.add_task(group);
        region = machine.engine.create_mapping(task, PageKind::kAnon, mib(8));
        machine.engine.advise_huge(region, HugeAdvice::kHuge);
        touch(0, mib(8).count());
    }
    void touch(std::uint64_t first, std::uint64_t count) {
        REQUIRE(
            machine.run(machine.engine.touch(task, region, {first, count}, Access::kWrite)).ok());
        machine.engine.check_invariants();
    }
    void advise(std::uint64_t first, std::uint64_t count, Advice advice = Advice::kDontNeed) {
        REQUIRE(machine.run(machine.engine.advise(task, region, {first, count}, advice)).ok());
        machine.engine.check_invariants();
    }
    OperationResult reclaim(std::uint64_t size) {
        OperationResult result = machine.run(machine.engine.reclaim_pages(memcg(), mib(size), {}));
        machine.engine.check_invariants();
        return result;
    }
    Memcg& memcg() const { return *group.memcg; }
    std::int64_t stat(StatItem item) const { return memcg().stat(item); }
    std::uint64_t event(VmEvent which) const { return machine.engine.machine_stat().event(which); }

    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    MappingId region;
};

TEST_CASE("a huge page given up in part stays charged whole", "[engine][torn]") {
    Torn torn;
    torn.advise(3 * kHuge + 100, 50);
    torn.advise(3 * kHuge + 300, 212);
    CHECK(torn.stat(StatItem::kAnon) == 4 * kHuge - 262);
    CHECK(torn.stat(StatItem::kAnonThp) == 3 * kHuge);
    CHECK(torn.stat(StatItem::kInactiveAnon) == 4 * kHuge);
    CHECK(torn.memcg().memory.usage() == mib(8));
    CHECK(torn.event(VmEvent::kThpDeferredSplitPage) == 1);
    CHECK(torn.event(VmEvent::kThpSplitPmd) == 1);
    CHECK(torn.event(VmEvent::kThpSplitPage) == 0);
    CHECK(footprint(EngineAccess::state(torn.machine.engine), *torn.machine.engine.find(torn.task))
              .anon == Pages{4 * kHuge - 262});
}

TEST_CASE("what is used again of a torn page comes anew", "[engine][torn]") {
    Torn torn;
    torn.advise(100, 50);
    const std::int64_t faults = torn.stat(StatItem::kPgfault);
    torn.touch(0, mib(8).count());
    CHECK(torn.stat(StatItem::kPgfault) == faults + 50);
    CHECK(torn.stat(StatItem::kAnon) == 4 * kHuge);
    CHECK(torn.stat(StatItem::kInactiveAnon) == 4 * kHuge + 50);
}

TEST_CASE("a torn page goes when nothing of it is mapped", "[engine][torn]") {
    Torn torn(machine_with(0), "6.1", Layout::kV1);
    const std::int64_t out = torn.stat(StatItem::kPgpgout);
    torn.advise(300, 100);  // 6.1: huge pages begin at 171
    torn.advise(171, 129);
    CHECK(torn.memcg().memory.usage() == mib(8));
    torn.advise(400, 283);
    CHECK(torn.memcg().memory.usage() == mib(6));
    CHECK(torn.stat(StatItem::kPgpgout) == out + 1);
    CHECK(torn.event(VmEvent::kThpSplitPage) == 0);
    torn.advise(1000, 1);
    torn.machine.engine.exit_task(torn.task);
    torn.machine.engine.check_invariants();
    CHECK(torn.memcg().memory.usage() == Pages{0});
}

TEST_CASE("reclaim splits torn pages and takes that for no progress", "[engine][torn]") {
    Torn torn;
    torn.advise(100, 50);
    torn.advise(kHuge, 500);
    CHECK_FALSE(torn.reclaim(1).ok());  // no swap: nothing else can go
    CHECK(torn.memcg().memory.usage() == mib(8) - Pages{550});
    CHECK(torn.stat(StatItem::kAnon) == 4 * kHuge - 550);
    CHECK(torn.stat(StatItem::kInactiveAnon) == 4 * kHuge - 550);
    CHECK(torn.stat(StatItem::kAnonThp) == 2 * kHuge);
    CHECK(torn.stat(StatItem::kPgstealDirect) == 0);
    CHECK(torn.event(VmEvent::kThpSplitPage) == 2);
    CHECK(torn.event(VmEvent::kThpSplitPmd) == 2);
}

TEST_CASE("at a limit a torn page makes room", "[engine][torn]") {
    Torn torn;
    torn.advise(100, 50);
    torn.memcg().memory.set_max(mib(8));
    torn.touch(100, 50);
    CHECK(torn.memcg().memory.usage() == mib(8));
    CHECK(torn.memcg().event_local(MemcgEvent::kOom) == 0);
    CHECK(torn.event(VmEvent::kThpSplitPage) == 1);
}

TEST_CASE("what reclaim takes off a list is split there and goes to swap", "[engine][torn]") {
    Torn torn(machine_with(64));
    torn.advise(100, 50);
    REQUIRE(torn.reclaim(7).ok());
    CHECK(torn.event(VmEvent::kThpSplitPage) == 1);
    CHECK(torn.stat(StatItem::kThpSwpout) == 3);
    CHECK(torn.memcg().swap.usage() == mib(8) - Pages{50});
    CHECK(torn.stat(StatItem::kAnon) == 0);
    CHECK(as_delta(torn.memcg().memory.usage()) == torn.stat(StatItem::kSwapCached));
}

TEST_CASE("who has used many entries of a torn page has used it once", "[engine][torn]") {
    const char* profile = GENERATE("6.1", "6.12");
    Torn torn(machine_with(64), profile);
    torn.advise(700, 50);
    // All pages are looked at once before any goes.
    REQUIRE(torn.reclaim(1).ok());
    CHECK(torn.stat(StatItem::kPgactivate) == 0);
    CHECK(torn.stat(StatItem::kActiveAnon) == 0);
}

TEST_CASE("a small number of torn pages waits for the last priorities", "[engine][torn]") {
    Torn torn(machine_with(64));
    const MappingId cache = torn.machine.engine.create_mapping(torn.task, PageKind::kFile, mib(64));
    REQUIRE(
        torn.machine
            .run(torn.machine.engine.file_io(torn.task, cache, {0, mib(64).count()}, Access::kRead))
            .ok());
    torn.advise(100, 50);
    REQUIRE(torn.reclaim(1).ok());
    CHECK(torn.event(VmEvent::kThpSplitPage) == 0);
}

TEST_CASE("advice, locks and moves for torn pages split them", "[engine][torn]") {
    Torn torn(machine_with(64, 2));
    torn.advise(100, 50);
    SECTION("advice") {
        torn.advise(0, 20, GENERATE(Advice::kCold, Advice::kFree, Advice::kPageout));
    }
    SECTION("a lock") {
        torn.machine.engine.lock_mapping(torn.region);
        CHECK(torn.stat(StatItem::kUnevictable) == 4 * kHuge - 50);
    }
    SECTION("a move") {
        REQUIRE(torn.machine.run(torn.machine.engine.migrate_pages(torn.task, 3, 1)).ok());
    }
    torn.machine.engine.check_invariants();
    CHECK(torn.event(VmEvent::kThpSplitPage) == 1);
}

TEST_CASE("torn pages of a removed group wait for their end", "[engine][torn]") {
    Torn torn;
    torn.advise(100, 50);
    Cgroup& other = torn.machine.make_memory(torn.machine.root(), "h");
    REQUIRE(torn.machine.engine.migrate_task(torn.task, other.id).ok());
    const MemcgId id = torn.memcg().id();
    REQUIRE(torn.machine.engine.remove_cgroup(torn.group.id).ok());
    torn.machine.engine.check_invariants();
    REQUIRE(
        torn.machine.run(torn.machine.engine.reclaim_pages(*torn.machine.root().memcg, mib(1), {}))
            .ok() == false);
    CHECK(torn.event(VmEvent::kThpSplitPage) == 0);
    torn.machine.engine.exit_task(torn.task);
    torn.machine.engine.check_invariants();
    CHECK(EngineAccess::state(torn.machine.engine).torn_pages.count(id) == 0);
}

TEST_CASE("charges move without torn pages", "[engine][torn]") {
    Torn torn(machine_with(0), "6.1", Layout::kV1);
    torn.advise(300, 100);
    Cgroup& other = torn.machine.make_memory(torn.machine.root(), "h");
    other.memcg->move_charge_at_immigrate = 3;
    auto move = torn.machine.engine.migrate_task(torn.task, other.id);
    REQUIRE(torn.machine.run(std::move(*move)).ok());
    torn.machine.engine.check_invariants();
    CHECK(torn.memcg().memory.usage() == Pages{kHuge});
    CHECK(other.memcg->memory.usage() == mib(6));
}

}  // namespace
}  // namespace memcgfs::engine
