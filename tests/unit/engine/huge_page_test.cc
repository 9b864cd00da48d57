// SPDX-License-Identifier: MIT
//
// Huge pages: faults, limits, swap, splits and moves. Numbers were measured on Debian's 6.1 and
// 6.12 (spec engine.md 3.1).
#include "engine/huge_page.h"

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr std::int64_t kHuge = 512;

Machine with_swap(bool rotational = false, std::uint64_t size = 256) {
    Machine machine = test::roomy_machine();
    machine.swap = mib(size);
    machine.swap_devices = {{.pages = mib(size), .rotational = rotational}};
    return machine;
}

/// A task in a group, and what it sees.
struct Huge {
    explicit Huge(const char* profile, Layout layout = Layout::kV2, Machine shape = with_swap())
        : machine(profile, layout, shape), group(machine.make_memory(machine.root(), "g")) {
        task = machine.add_task(group);
    }
    MappingId region(std::uint64_t size, HugeAdvice advice = HugeAdvice::kHuge) {
        const MappingId id = machine.engine.create_mapping(task, PageKind::kAnon, mib(size));
        machine.engine.advise_huge(id, advice);
        return id;
    }
    OperationResult touch(MappingId id, std::uint64_t first, std::uint64_t count,
                          Access access = Access::kWrite) {
        OperationResult result =
            machine.run(machine.engine.touch(task, id, {first, count}, access));
        machine.engine.check_invariants();
        return result;
    }
    /// A region of `size` MiB, filled.
    MappingId fill(std::uint64_t size) {
        const MappingId id = region(size);
        REQUIRE(touch(id, 0, mib(size).count()).ok());
        return id;
    }
    Memcg& memcg() const { return *group.memcg; }
    std::int64_t stat(StatItem item) const { return memcg().stat(item); }
    std::uint64_t event(VmEvent which) const { return machine.engine.machine_stat().event(which); }

    EngineFixture machine;
    Cgroup& group;
    TaskId task;
};

TEST_CASE("an aligned region is made of huge pages (6.12)", "[engine][huge]") {
    Huge huge("6.12");
    huge.fill(8);
    CHECK(huge.stat(StatItem::kAnonThp) == 4 * kHuge);
    CHECK(huge.stat(StatItem::kAnon) == 4 * kHuge);
    CHECK(huge.stat(StatItem::kInactiveAnon) == 4 * kHuge);
    CHECK(huge.stat(StatItem::kPgfault) == 4);
    CHECK(huge.stat(StatItem::kThpFaultAlloc) == 4);
    CHECK(huge.memcg().memory.usage() == mib(8));  // no stock is taken
    CHECK(huge.machine.engine.machine_stat().nodes[0].item(StatItem::kAnonThp) == 4 * kHuge);
}

TEST_CASE("before 6.7 a region begins and ends within a huge page", "[engine][huge]") {
    Huge huge("6.1");
    huge.fill(8);
    CHECK(huge.stat(StatItem::kAnonThp) == 3 * kHuge);
    CHECK(huge.stat(StatItem::kAnon) == 4 * kHuge);
    CHECK(huge.stat(StatItem::kPgfault) == 512 + 3);
}

TEST_CASE("regions follow one another downwards", "[engine][huge]") {
    Huge huge("6.12");
    const MappingId odd = huge.fill(5);  // not aligned: it ends where a region may
    CHECK(huge.stat(StatItem::kThpFaultAlloc) == 1);
    huge.machine.engine.unmap_mapping(huge.task, odd, false);
    CHECK(huge.memcg().stat(StatItem::kAnonThp) == 0);
    huge.fill(4);
    CHECK(huge.stat(StatItem::kThpFaultAlloc) == 3);
    huge.machine.engine.check_invariants();
}

TEST_CASE("who gets huge pages is the machine's and the region's choice", "[engine][huge]") {
    struct Case {
        ThpMode mode;
        HugeAdvice advice;
        std::int64_t pages;
    };
    const auto test = GENERATE(
        Case{ThpMode::kAlways, HugeAdvice::kNone, 2}, Case{ThpMode::kAlways, HugeAdvice::kHuge, 2},
        Case{ThpMode::kAlways, HugeAdvice::kNever, 0},
        Case{ThpMode::kMadvise, HugeAdvice::kNone, 0},
        Case{ThpMode::kMadvise, HugeAdvice::kHuge, 2}, Case{ThpMode::kNever, HugeAdvice::kHuge, 0});
    Machine shape = test::roomy_machine();
    shape.thp = test.mode;
    Huge huge("6.12", Layout::kV2, shape);
    const MappingId id = huge.region(4, test.advice);
    REQUIRE(huge.touch(id, 0, mib(4).count()).ok());
    CHECK(huge.stat(StatItem::kThpFaultAlloc) == test.pages);
    const MappingId shared =
        huge.machine.engine.create_mapping(huge.task, PageKind::kShmem, mib(4));
    huge.machine.engine.advise_huge(shared, HugeAdvice::kHuge);
    REQUIRE(huge.touch(shared, 0, mib(4).count()).ok());
    CHECK(huge.stat(StatItem::kThpFaultAlloc) == test.pages);
}

TEST_CASE("one touch brings the whole huge page", "[engine][huge]") {
    Huge huge("6.12");
    const MappingId id = huge.region(4);
    REQUIRE(huge.touch(id, 700, 1).ok());
    CHECK(huge.stat(StatItem::kAnon) == kHuge);
    REQUIRE(huge.touch(id, 600, 200).ok());
    CHECK(huge.stat(StatItem::kPgfault) == 1);
    REQUIRE(huge.touch(id, 500, 100).ok());
    CHECK(huge.stat(StatItem::kPgfault) == 2);
    CHECK(huge.stat(StatItem::kAnonThp) == 2 * kHuge);
}

TEST_CASE("a refused huge page is tried 18 times, without OOM, then small ones come",
          "[engine][huge]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Machine shape = test::roomy_machine();
    Huge huge(profile, Layout::kV2, shape);
    huge.machine.limit(huge.group, Pages{612});
    const MappingId id = huge.region(6);
    const std::uint64_t first = profile == std::string_view("6.1") ? 171 : 0;
    REQUIRE(huge.touch(id, first, 512).ok());
    CHECK(huge.memcg().event_local(MemcgEvent::kMax) == 0);
    REQUIRE(huge.touch(id, first + 512, 100).ok());
    CHECK(huge.memcg().event_local(MemcgEvent::kMax) == 18);
    CHECK(huge.memcg().event_local(MemcgEvent::kOom) == 0);
    CHECK(huge.stat(StatItem::kAnon) == 612);
    CHECK(huge.stat(StatItem::kPgfault) == 101);
    CHECK(huge.stat(StatItem::kThpFaultAlloc) == 1);
    CHECK(huge.event(VmEvent::kThpFaultFallback) == 1);
    CHECK(huge.event(VmEvent::kThpFaultFallbackCharge) == 1);
}

TEST_CASE("a huge page that was not asked for is not worth a reclaim", "[engine][huge]") {
    Huge huge("6.12");
    huge.machine.limit(huge.group, Pages{600});
    const MappingId id = huge.region(4, HugeAdvice::kNone);
    REQUIRE(huge.touch(id, 0, 512).ok());
    REQUIRE(huge.touch(id, 512, 8).ok());
    CHECK(huge.memcg().event_local(MemcgEvent::kMax) == 0);
    CHECK(huge.event(VmEvent::kThpFaultFallbackCharge) == 1);
    CHECK(huge.stat(StatItem::kAnon) == 520);
}

TEST_CASE("without a free block small pages come", "[engine][huge]") {
    constexpr auto kNormal = static_cast<std::size_t>(ZoneType::kNormal);
    Machine shape;
    shape.memory = mib(64);
    shape.thp = ThpMode::kAlways;
    shape.nodes.resize(1);
    shape.nodes[0].managed[kNormal] = mib(64);
    Huge huge("6.12", Layout::kV2, shape);
    const MappingId small = huge.region(64, HugeAdvice::kNever);
    const ZoneStat zone = huge.machine.engine.machine_stat().nodes[0].zones[kNormal];
    REQUIRE(huge.touch(small, 0, (zone.free - zone.min - Pages{511}).count()).ok());
    const MappingId id = huge.region(2);
    REQUIRE(huge.touch(id, 0, 1).ok());
    CHECK(huge.stat(StatItem::kThpFaultAlloc) == 0);
    CHECK(huge.event(VmEvent::kThpFaultFallback) == 1);
    CHECK(huge.event(VmEvent::kThpFaultFallbackCharge) == 0);
}

TEST_CASE("a huge page goes to swap whole where slots lie side by side", "[engine][huge]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Huge huge(profile);
    const MappingId id = huge.fill(8);
    const std::int64_t pages = huge.stat(StatItem::kThpFaultAlloc);
    REQUIRE(huge.machine.run(huge.machine.engine.pageout(huge.task)).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    CHECK(huge.memcg().swap.usage() == mib(8));
    CHECK(huge.stat(StatItem::kThpSwpout) == pages);
    CHECK(huge.stat(StatItem::kThpSwpoutFallback) == 0);
    CHECK(huge.event(VmEvent::kThpSplitPmd) == static_cast<std::uint64_t>(pages));
    CHECK(huge.event(VmEvent::kThpSplitPage) == 0);
    CHECK(huge.event(VmEvent::kPswpout) == mib(8).count());
    REQUIRE(huge.touch(id, 0, mib(8).count()).ok());  // it comes back in small pages
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    CHECK(huge.stat(StatItem::kAnon) == 4 * kHuge);
}

TEST_CASE("on a disk that turns it is split first", "[engine][huge]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Huge huge(profile, Layout::kV2, with_swap(true));
    huge.fill(8);
    const auto pages = static_cast<std::uint64_t>(huge.stat(StatItem::kThpFaultAlloc));
    REQUIRE(huge.machine.run(huge.machine.engine.pageout(huge.task)).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.memcg().swap.usage() == mib(8));
    CHECK(huge.stat(StatItem::kThpSwpout) == 0);
    CHECK(huge.stat(StatItem::kThpSwpoutFallback) == static_cast<std::int64_t>(pages));
    CHECK(huge.event(VmEvent::kThpSplitPage) == pages);
    CHECK(huge.event(VmEvent::kThpSplitPmd) == pages);
    CHECK(huge.event(VmEvent::kThpDeferredSplitPage) ==
          (profile == std::string_view("6.1") ? pages : 0));
    CHECK(huge.memcg().event_local(MemcgEvent::kSwapFail) == pages);
    CHECK(huge.memcg().event_local(MemcgEvent::kSwapMax) == 0);
}

TEST_CASE("memory.swap.max refuses a huge page once, then its small pages", "[engine][huge]") {
    Huge huge("6.12");
    huge.memcg().swap.set_max(Pages{100});
    huge.fill(2);
    REQUIRE(huge.machine.run(huge.machine.engine.pageout(huge.task)).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.memcg().swap.usage() == Pages{100});
    CHECK(huge.stat(StatItem::kThpSwpoutFallback) == 1);
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    CHECK(huge.stat(StatItem::kAnon) == kHuge - 100);
    CHECK(huge.memcg().event_local(MemcgEvent::kSwapMax) == 1 + kHuge - 100);
    CHECK(huge.memcg().event_local(MemcgEvent::kSwapFail) == 1 + kHuge - 100);
}

TEST_CASE("written to a slow device it stays whole in the swap cache", "[engine][huge]") {
    Machine shape = with_swap();
    shape.swap_devices[0].synchronous = false;
    Huge huge("6.12", Layout::kV2, shape);
    const MappingId id = huge.fill(4);
    REQUIRE(huge.machine.run(huge.machine.engine.pageout(huge.task)).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.stat(StatItem::kSwapCached) == 2 * kHuge);
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    CHECK(huge.memcg().memory.usage() == mib(4));
    REQUIRE(huge.touch(id, 100, 50, Access::kRead).ok());  // one of them is mapped again
    CHECK(huge.stat(StatItem::kAnon) == 50);
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    huge.machine.run_spawned();
    huge.machine.engine.check_invariants();
    const std::int64_t scanned = huge.stat(StatItem::kPgscanDirect);
    REQUIRE(huge.machine.run(huge.machine.engine.reclaim_pages(huge.memcg(), mib(1), {})).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.stat(StatItem::kPgscanDirect) > scanned);
    CHECK(huge.memcg().memory.usage() < mib(4));
}

TEST_CASE("MADV_FREE frees what only the swap cache has", "[engine][huge]") {
    Machine shape = with_swap();
    shape.swap_devices[0].synchronous = false;
    Huge huge("6.12", Layout::kV2, shape);
    const auto advice = GENERATE(HugeAdvice::kHuge, HugeAdvice::kNever);
    const MappingId id = huge.region(4, advice);
    REQUIRE(huge.touch(id, 0, mib(4).count()).ok());
    REQUIRE(huge.machine.run(huge.machine.engine.pageout(huge.task)).ok());
    REQUIRE(
        huge.machine.run(huge.machine.engine.advise(huge.task, id, {0, 700}, Advice::kFree)).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.memcg().swap.usage() == mib(4) - Pages{700});
    huge.machine.run_spawned();
    huge.machine.engine.check_invariants();
    CHECK(huge.stat(StatItem::kSwapCached) == 2 * kHuge - 700);
}

TEST_CASE("reclaim scans a huge page as 512 pages", "[engine][huge]") {
    Huge huge("6.1", Layout::kV1);
    huge.fill(8);
    REQUIRE(huge.machine.run(huge.machine.engine.force_empty(huge.memcg())).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    CHECK(huge.stat(StatItem::kThpSwpout) == 3);
    CHECK(huge.stat(StatItem::kPgstealDirect) == 4 * kHuge);
}

TEST_CASE("v1 counts a huge page once in pgpgin and pgpgout", "[engine][huge]") {
    Huge huge("6.1", Layout::kV1);
    const MappingId id = huge.fill(8);
    CHECK(huge.stat(StatItem::kPgpgin) == 512 + 3);
    huge.machine.engine.unmap_mapping(huge.task, id, false);
    CHECK(huge.stat(StatItem::kPgpgout) == 512 + 3);
    huge.machine.engine.check_invariants();
}

TEST_CASE("moving charges takes huge pages whole", "[engine][huge]") {
    Huge huge("6.1", Layout::kV1);
    huge.fill(8);
    Cgroup& other = huge.machine.make_memory(huge.machine.root(), "h");
    other.memcg->move_charge_at_immigrate = 3;
    auto move = huge.machine.engine.migrate_task(huge.task, other.id);
    REQUIRE(move.ok());
    REQUIRE(*move != nullptr);
    REQUIRE(huge.machine.run(std::move(*move)).ok());
    huge.machine.engine.check_invariants();
    CHECK(other.memcg->stat(StatItem::kAnonThp) == 3 * kHuge);
    CHECK(other.memcg->stat(StatItem::kPgpgin) == 512 + 3);
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    CHECK(huge.stat(StatItem::kPgpgout) == 512 + 3);
}

TEST_CASE("advice for a part of a huge page splits it", "[engine][huge]") {
    const auto advice = GENERATE(Advice::kCold, Advice::kFree, Advice::kPageout);
    Huge huge("6.12");
    const MappingId id = huge.fill(6);
    REQUIRE(huge.machine.run(huge.machine.engine.advise(huge.task, id, {256, 1024}, advice)).ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.event(VmEvent::kThpSplitPage) == 2);
    CHECK(huge.stat(StatItem::kAnonThp) == (advice == Advice::kPageout ? 0 : kHuge));
}

TEST_CASE("a huge page is locked, migrated and freed whole", "[engine][huge]") {
    Machine shape;
    shape.nodes.resize(2);
    shape.memory = mib(2048);
    for (MachineNode& node : shape.nodes) {
        node.managed[static_cast<std::size_t>(ZoneType::kNormal)] = mib(1024);
    }
    Huge huge("6.12", Layout::kV2, shape);
    const MappingId id = huge.fill(8);
    huge.machine.engine.lock_mapping(id);
    huge.machine.engine.check_invariants();
    CHECK(huge.stat(StatItem::kUnevictable) == 4 * kHuge);
    CHECK(huge.stat(StatItem::kAnonThp) == 4 * kHuge);
    const NodeId from =
        huge.machine.engine.machine_stat().nodes[0].item(StatItem::kAnonThp) != 0 ? 0 : 1;
    REQUIRE(huge.machine
                .run(huge.machine.engine.migrate_pages(huge.task, NodeMask{1} << from,
                                                       NodeMask{2} >> from))
                .ok());
    huge.machine.engine.check_invariants();
    CHECK(huge.machine.engine.machine_stat().nodes[1 - from].item(StatItem::kAnonThp) == 4 * kHuge);
    CHECK(huge.event(VmEvent::kThpMigrationSuccess) == 4);
    huge.machine.engine.exit_task(huge.task);
    huge.machine.engine.check_invariants();
    CHECK(huge.stat(StatItem::kAnonThp) == 0);
    CHECK(huge.memcg().memory.usage() == Pages{0});
}

}  // namespace
}  // namespace memcgfs::engine
