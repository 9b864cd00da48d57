// SPDX-License-Identifier: MIT
//
// khugepaged. Numbers were measured on Debian's 6.1 and 6.12.
#include "engine/khugepaged.h"

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr std::int64_t kHuge = 512;
constexpr Nanos kPeriod = from_millis(10'000);

Machine with_swap() {
    Machine machine = test::roomy_machine();
    machine.swap = mib(256);
    machine.swap_devices = {{.pages = mib(256)}};
    return machine;
}

/// A task in a group, and the thread that looks after it.
struct Collapse {
    explicit Collapse(const char* profile, Layout layout = Layout::kV2, Machine shape = with_swap())
        : machine(profile, layout, shape), group(machine.make_memory(machine.root(), "g")) {
        task = machine.add_task(group);
    }
    MappingId region(std::uint64_t size, HugeAdvice advice = HugeAdvice::kHuge) {
        const MappingId id = machine.engine.create_mapping(task, PageKind::kAnon, mib(size));
        machine.engine.advise_huge(id, advice);
        return id;
    }
    void touch(MappingId id, std::uint64_t first, std::uint64_t count,
               Access access = Access::kWrite) {
        REQUIRE(machine.run(machine.engine.touch(task, id, {first, count}, access)).ok());
    }
    MappingId fill(std::uint64_t size) {
        const MappingId id = region(size);
        touch(id, 0, mib(size).count());
        return id;
    }
    /// Huge pages that have been to swap and back, and are small now.
    MappingId small(std::uint64_t size) {
        const MappingId id = fill(size);
        REQUIRE(machine.run(machine.engine.pageout(task)).ok());
        take_spawned();  // the disk writes
        touch(id, 0, mib(size).count());
        REQUIRE(stat(StatItem::kAnonThp) == 0);
        return id;
    }
    /// Takes the thread from what has been spawned, and runs the rest.
    void take_spawned() {
        while (!machine.sink.spawned.empty()) {
            OperationPtr operation = std::move(machine.sink.spawned.front());
            machine.sink.spawned.pop_front();
            if (operation->name() != "khugepaged") {
                REQUIRE(machine.run(std::move(operation)).ok());
                continue;
            }
            REQUIRE(thread == nullptr);
            thread = std::move(operation);
            due = Nanos{};
        }
    }
    /// Lets so many wakings pass.
    void wait(std::int64_t wakings) {
        until += kPeriod * wakings;
        for (take_spawned(); thread != nullptr && due <= until; take_spawned()) {
            machine.clock.advance_to(std::max(due, machine.clock.now()));
            const Step step = thread->step();
            machine.engine.check_invariants();
            REQUIRE(step.kind != Step::Kind::kWait);
            due = step.kind == Step::Kind::kSleep ? step.until : Nanos{};
            if (step.kind == Step::Kind::kDone) {
                thread.reset();
            }
        }
        machine.clock.advance_to(std::max(until, machine.clock.now()));
    }
    /// As many wakings as it takes to get the thread going, and one more pass.
    void pass() {
        until = machine.clock.now();
        wait(2);
    }
    Memcg& memcg() const { return *group.memcg; }
    std::int64_t stat(StatItem item) const { return memcg().stat(item); }
    std::uint64_t event(VmEvent which) const { return machine.engine.machine_stat().event(which); }

    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    OperationPtr thread;
    Nanos due{};
    Nanos until{};
};

TEST_CASE("small pages become huge ones in the background", "[engine][khugepaged]") {
    const auto* profile = GENERATE("6.1", "6.12");
    const std::int64_t blocks = profile == std::string_view("6.1") ? 3 : 4;
    Collapse g(profile);
    g.small(8);
    const Pages usage = g.memcg().memory.usage();
    const std::int64_t faults = g.stat(StatItem::kPgfault);
    g.pass();
    CHECK(g.stat(StatItem::kAnonThp) == blocks * kHuge);
    CHECK(g.stat(StatItem::kAnon) == 4 * kHuge);
    CHECK(g.stat(StatItem::kInactiveAnon) == 4 * kHuge);
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == blocks);
    CHECK(g.stat(StatItem::kThpFaultAlloc) == blocks);
    CHECK(g.stat(StatItem::kPgfault) == faults);
    CHECK(g.event(VmEvent::kThpCollapseAlloc) == static_cast<std::uint64_t>(blocks));
    CHECK(g.memcg().memory.usage() == usage);
    // The huge page is charged before the small ones are freed.
    CHECK(g.memcg().memory.watermark() == usage + Pages{512});
    g.pass();
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == blocks);
}

TEST_CASE("8 blocks are looked at in 10 s", "[engine][khugepaged]") {
    Collapse g("6.12");
    g.small(40);
    g.until = g.machine.clock.now() + from_millis(1000);  // the work takes some time, too
    g.wait(1);
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == 8);
    g.wait(1);
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == 16);
    g.wait(1);
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == 20);
}

TEST_CASE("what has only been read from swap is no reason in 6.1", "[engine][khugepaged]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Collapse g(profile);
    const MappingId id = g.fill(8);
    REQUIRE(g.machine.run(g.machine.engine.pageout(g.task)).ok());
    g.take_spawned();
    g.touch(id, 0, mib(8).count(), Access::kRead);
    REQUIRE(g.memcg().swap.usage() == mib(8));
    g.pass();
    const bool collapses = profile == std::string_view("6.12");
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == (collapses ? 4 : 0));
    CHECK(g.memcg().swap.usage() == (collapses ? Pages{0} : mib(8)));  // the copies' slots go
}

TEST_CASE("a torn huge page is whole again", "[engine][khugepaged]") {
    Collapse g("6.12");
    const MappingId id = g.fill(8);
    REQUIRE(
        g.machine.run(g.machine.engine.advise(g.task, id, {1280, 768}, Advice::kDontNeed)).ok());
    CHECK(g.stat(StatItem::kAnon) == 2 * kHuge + 256);
    CHECK(g.stat(StatItem::kAnonThp) == 2 * kHuge);
    const Pages usage = g.memcg().memory.usage();
    g.pass();
    CHECK(g.stat(StatItem::kAnon) == 3 * kHuge);  // what was given up counts again
    CHECK(g.stat(StatItem::kAnonThp) == 3 * kHuge);
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == 1);
    CHECK(g.memcg().memory.usage() == usage);
    CHECK(g.event(VmEvent::kThpSplitPage) == 0);
}

TEST_CASE("a limit that has no room is tried 18 times a block, without OOM",
          "[engine][khugepaged]") {
    const auto* profile = GENERATE("6.1", "6.12");
    const std::uint64_t blocks = profile == std::string_view("6.1") ? 3 : 4;
    Collapse g(profile);
    g.small(8);
    REQUIRE(g.memcg().swap.usage() == Pages{0});
    g.memcg().swap.set_max(Pages{0});
    g.machine.limit(g.group, mib(9));
    g.pass();
    CHECK(g.stat(StatItem::kAnonThp) == 0);
    CHECK(g.stat(StatItem::kAnon) == 4 * kHuge);
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == 0);
    CHECK(g.event(VmEvent::kThpCollapseAlloc) == blocks);
    CHECK(g.memcg().event_local(MemcgEvent::kMax) == blocks * 18);
    CHECK(g.memcg().event_local(MemcgEvent::kOom) == 0);
    g.machine.limit(g.group, mib(10));
    g.pass();
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == static_cast<std::int64_t>(blocks));
}

TEST_CASE("reclaim for it may take what it was for", "[engine][khugepaged]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Collapse g(profile);
    g.small(8);
    g.machine.limit(g.group, mib(9));
    g.pass();
    const bool apart = profile == std::string_view("6.12");
    CHECK(g.stat(StatItem::kThpCollapseAlloc) >= 1);
    CHECK((g.stat(StatItem::kPgstealKhugepaged) > 0) == apart);
    CHECK((g.stat(StatItem::kPgstealDirect) > 0) != apart);
    CHECK(g.memcg().event_local(MemcgEvent::kOom) == 0);
}

TEST_CASE("memory.high does not count for it", "[engine][khugepaged]") {
    Collapse g("6.12");
    g.small(8);
    REQUIRE(g.machine.run(g.machine.engine.set_memory_high(g.memcg(), mib(8))).ok());
    g.pass();
    CHECK(g.stat(StatItem::kAnonThp) == 4 * kHuge);
    CHECK(g.memcg().event_local(MemcgEvent::kHigh) == 0);
}

TEST_CASE("up to 64 pages in swap are brought back", "[engine][khugepaged]") {
    Machine shape = test::roomy_machine();
    test::add_zram(shape, mib(256));
    const auto away = GENERATE(0U, 64U, 65U);
    Collapse g("6.12", Layout::kV2, shape);
    const MappingId id = g.small(2);
    if (away > 0) {
        REQUIRE(
            g.machine.run(g.machine.engine.advise(g.task, id, {100, away}, Advice::kPageout)).ok());
    }
    REQUIRE(g.memcg().swap.usage() == Pages{away});
    const std::int64_t faults = g.stat(StatItem::kPgfault);
    const std::int64_t major = g.stat(StatItem::kPgmajfault);
    g.pass();
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == (away <= 64 ? 1 : 0));
    CHECK(g.stat(StatItem::kPgmajfault) - major == (away <= 64 ? away : 0));
    CHECK(g.stat(StatItem::kPgfault) == faults);
    CHECK((g.event(VmEvent::kThpScanExceedSwapPte) > 0) == (away > 64));
}

TEST_CASE("a disk is read a window at a waking", "[engine][khugepaged]") {
    Collapse g("6.12");
    const MappingId id = g.small(2);
    for (const char* what : {"written", "freed"}) {
        CAPTURE(what);
        REQUIRE(
            g.machine.run(g.machine.engine.advise(g.task, id, {96, 24}, Advice::kPageout)).ok());
        g.take_spawned();
    }
    REQUIRE(g.memcg().stat(StatItem::kInactiveAnon) == kHuge - 24);
    const std::int64_t major = g.stat(StatItem::kPgmajfault);
    for (int waking = 0; waking < 8; waking++) {
        g.pass();
    }
    CHECK(g.stat(StatItem::kAnonThp) == kHuge);
    CHECK(g.stat(StatItem::kThpCollapseAlloc) > 1);  // one for each try
    CHECK(g.stat(StatItem::kPgmajfault) - major == g.stat(StatItem::kThpCollapseAlloc) - 1);
}

TEST_CASE("the thread ends with the last process that it looks after", "[engine][khugepaged]") {
    Collapse g("6.12");
    const MappingId never = g.region(8, HugeAdvice::kNever);
    g.touch(never, 0, 2048);
    CHECK(g.machine.sink.spawned.empty());
    const MappingId always = g.region(8, HugeAdvice::kNone);
    g.take_spawned();
    CHECK(g.thread == nullptr);
    g.touch(always, 0, 1);
    g.pass();
    CHECK(g.thread != nullptr);
    g.machine.engine.exit_task(g.task);
    g.pass();
    CHECK(g.thread == nullptr);
    g.task = g.machine.add_task(g.group);
    g.small(2);
    g.pass();
    CHECK(g.stat(StatItem::kThpCollapseAlloc) == 1);
}

}  // namespace
}  // namespace memcgfs::engine
