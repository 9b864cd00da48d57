// SPDX-License-Identifier: MIT
//
// Swap devices: disks, priorities, swapoff (spec engine.md 3.7 and B9 of 11.2).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

Machine with_disk(Pages pages, Nanos write = from_micros(5)) {
    Machine shape;
    shape.swap = pages;
    shape.swap_devices = {{.pages = pages, .synchronous = false, .write = write}};
    return shape;
}

struct Swapper {
    Swapper(const char* profile, Layout layout, const Machine& shape)
        : machine(profile, layout, shape),
          group(machine.make_memory(machine.root(), "g")),
          task(machine.add_task(group)),
          region(machine.engine.create_mapping(task, PageKind::kAnon)) {}
    OperationResult touch(std::uint64_t pages, Access access = Access::kWrite) {
        return machine.run(machine.engine.touch(task, region, {0, pages}, access));
    }
    OperationResult pageout(std::uint64_t pages) {
        return machine.run(machine.engine.advise(task, region, {0, pages}, Advice::kPageout));
    }
    OperationResult reclaim(std::uint64_t pages) {
        return machine.run(machine.engine.reclaim_pages(*group.memcg, Pages{pages}, {}));
    }
    std::int64_t stat(StatItem item) const { return group.memcg->stat(item); }
    void check() const { machine.engine.check_invariants(); }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    MappingId region;
};

// What Linux 6.1 does on a disk partition, step by step.
TEST_CASE("pages written to a disk stay in the swap cache", "[engine][swap]") {
    Swapper swapper("6.1", Layout::kV2, with_disk(mib(256)));
    REQUIRE(swapper.touch(4096).ok());
    REQUIRE(swapper.pageout(4096).ok());
    CHECK(swapper.stat(StatItem::kAnon) == 0);
    CHECK(swapper.stat(StatItem::kSwapCached) == 4096);
    CHECK(swapper.group.memcg->swap.usage() == Pages{4096});
    CHECK(swapper.group.memcg->memory.usage() >= Pages{4096});
    CHECK(swapper.stat(StatItem::kPgscanDirect) == 0);
    swapper.check();
    swapper.machine.run_spawned();
    CHECK(swapper.stat(StatItem::kFileWriteback) == 0);
    swapper.check();

    const std::int64_t faults = swapper.stat(StatItem::kPgfault);
    SECTION("a read finds them there, and they keep their slots") {
        REQUIRE(swapper.touch(4096, Access::kRead).ok());
        CHECK(swapper.stat(StatItem::kAnon) == 4096);
        CHECK(swapper.stat(StatItem::kSwapCached) == 4096);
        CHECK(swapper.stat(StatItem::kPgfault) == faults + 4096);
        CHECK(swapper.stat(StatItem::kPgmajfault) == 0);
        // So does the write after it, though the slots are out of date then.
        REQUIRE(swapper.touch(4096).ok());
        CHECK(swapper.stat(StatItem::kSwapCached) == 4096);
        CHECK(swapper.stat(StatItem::kPgfault) == faults + 8192);
        CHECK(swapper.group.memcg->swap.usage() == Pages{4096});
        REQUIRE(swapper.pageout(4096).ok());
        CHECK(swapper.stat(StatItem::kFileWriteback) > 0);
    }
    SECTION("a write takes them over, and the slots are free") {
        REQUIRE(swapper.touch(4096).ok());
        CHECK(swapper.stat(StatItem::kAnon) == 4096);
        CHECK(swapper.stat(StatItem::kSwapCached) == 0);
        CHECK(swapper.group.memcg->swap.usage() == Pages{0});
        CHECK(swapper.stat(StatItem::kPgmajfault) == 0);
    }
    SECTION("reclaim frees them without another write") {
        const std::int64_t scanned = swapper.stat(StatItem::kPgscanDirect);
        REQUIRE(swapper.reclaim(1024).ok());
        const std::int64_t freed = 4096 - swapper.stat(StatItem::kSwapCached);
        CHECK(freed >= 1024);
        CHECK(swapper.stat(StatItem::kPgscanDirect) - scanned == freed);
        CHECK(swapper.stat(StatItem::kFileWriteback) == 0);
    }
    SECTION("the end of the region frees memory and slots") {
        swapper.machine.engine.unmap_mapping(swapper.task, swapper.region, false);
        CHECK(swapper.stat(StatItem::kSwapCached) == 0);
        CHECK(swapper.group.memcg->swap.usage() == Pages{0});
    }
    swapper.check();
    swapper.machine.run_spawned();
    swapper.check();
}

// Recorded on a disk partition; a zram device differs as do_swap_page has it.
TEST_CASE("a read from swap leaves the slot to a private page on a disk only", "[engine][swap]") {
    const auto* profile = GENERATE("6.1", "6.12");
    const bool disk = GENERATE(true, false);
    const auto kind = GENERATE(PageKind::kAnon, PageKind::kShmem);
    Machine shape = with_disk(mib(256));
    shape.swap_devices[0].synchronous = !disk;
    Swapper swapper(profile, Layout::kV2, shape);
    Engine& engine = swapper.machine.engine;
    swapper.region = engine.create_mapping(swapper.task, kind);
    REQUIRE(swapper.touch(256).ok());
    REQUIRE(swapper.pageout(256).ok());
    swapper.machine.run_spawned();
    static_cast<void>(swapper.reclaim(256).ok());
    REQUIRE(swapper.group.memcg->swap.usage() == Pages{256});
    REQUIRE(swapper.stat(StatItem::kSwapCached) == 0);
    REQUIRE(swapper.touch(256, Access::kRead).ok());
    const bool keeps = disk && kind == PageKind::kAnon;
    CHECK(swapper.group.memcg->swap.usage() == Pages{keeps ? 256U : 0U});
    CHECK(swapper.stat(StatItem::kSwapCached) == (keeps ? 256 : 0));
    swapper.check();
}

TEST_CASE("shared memory takes its pages over from the swap cache", "[engine][swap]") {
    Swapper swapper("6.12", Layout::kV2, with_disk(mib(256)));
    swapper.region = swapper.machine.engine.create_mapping(swapper.task, PageKind::kShmem);
    REQUIRE(swapper.touch(256).ok());
    REQUIRE(swapper.pageout(256).ok());
    swapper.machine.run_spawned();
    REQUIRE(swapper.stat(StatItem::kSwapCached) == 256);
    REQUIRE(swapper.touch(256, Access::kRead).ok());
    CHECK(swapper.group.memcg->swap.usage() == Pages{0});
    CHECK(swapper.stat(StatItem::kShmem) == 256);
    swapper.check();
}

TEST_CASE("a limit is kept with a disk to swap to", "[engine][swap][reclaim]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Swapper swapper(profile, Layout::kV2, with_disk(mib(256)));
    REQUIRE(swapper.machine.run(swapper.machine.engine.set_memory_max(*swapper.group.memcg, mib(8)))
                .ok());
    REQUIRE(swapper.touch(8192).ok());
    CHECK(swapper.machine.sink.killed.empty());
    CHECK(swapper.group.memcg->memory.usage() <= mib(8));
    // Met once to be written and once to be freed.
    CHECK(swapper.stat(StatItem::kPgscanDirect) >= 2 * swapper.stat(StatItem::kPgstealDirect));
    swapper.check();
    REQUIRE(swapper.touch(8192, Access::kRead).ok());
    CHECK(swapper.stat(StatItem::kPgmajfault) > 0);
    swapper.check();
    swapper.machine.run_spawned();
    swapper.check();
}

// Linux 6.1: EBUSY and the memory still there as long as no request ends before the lists have been
// gone through (on a slow disk up to 6 MiB); the second try always succeeds.
TEST_CASE("writes to a disk begin when a visit ends or a request is full",
          "[engine][swap][reclaim]") {
    const std::uint64_t size = GENERATE(1, 2, 4, 8, 12);
    Swapper swapper("6.1", Layout::kV1, with_disk(mib(256), from_micros(2)));
    Engine& engine = swapper.machine.engine;
    Memcg& memcg = *swapper.group.memcg;
    REQUIRE(swapper.touch(size * 256).ok());
    const auto limit = [&] {
        return swapper.machine.run(engine.set_limit(memcg, CounterKind::kMemory, Pages{25}));
    };
    const OperationResult first = limit();
    CHECK(first.ok() == (size >= 4));
    if (!first.ok()) {
        CHECK(first.error() == Errno::kEBUSY);
        CHECK(memcg.stat(StatItem::kPgstealDirect) == 0);
        CHECK(memcg.memory.usage() == Pages{size * 256});
    }
    swapper.check();
    swapper.machine.run_spawned();
    CHECK(limit().ok());
    CHECK(memcg.memory.usage() <= Pages{25});
    swapper.check();
}

TEST_CASE("fsync begins what reclaim has only collected", "[engine][swap]") {
    Machine shape = with_disk(mib(256));
    shape.costs.swap_submit = from_millis(2);
    Swapper swapper("6.1", Layout::kV2, shape);
    Engine& engine = swapper.machine.engine;
    swapper.region = engine.create_mapping(swapper.task, PageKind::kShmem);
    REQUIRE(swapper.touch(256).ok());
    const OperationPtr reclaim = engine.reclaim_pages(*swapper.group.memcg, Pages{256}, {});
    while (swapper.stat(StatItem::kFileWriteback) == 0) {
        const Step step = reclaim->step();
        REQUIRE(step.kind != Step::Kind::kDone);
        swapper.machine.clock.advance_to(step.until);
    }
    const OperationPtr sync = engine.sync_mapping(swapper.region);
    unsigned steps = 0;
    for (Step step = sync->step(); step.kind != Step::Kind::kDone; step = sync->step()) {
        REQUIRE(++steps < 100);
        swapper.machine.clock.advance_to(step.until);
    }
    CHECK(swapper.stat(StatItem::kFileWriteback) == 0);
    while (reclaim->step().kind != Step::Kind::kDone) {
        swapper.machine.clock.advance(from_millis(100));
    }
    swapper.check();
}

TEST_CASE("the last 64 slots are not used with the multi-generation LRU", "[engine][swap]") {
    const bool newer = GENERATE(true, false);
    Swapper swapper(newer ? "6.12" : "6.1", Layout::kV2, with_disk(mib(256)));
    REQUIRE(swapper.touch(1024).ok());
    swapper.group.memcg->swap.set_max(Pages{63});
    CHECK_FALSE(swapper.reclaim(512).ok());
    CHECK(swapper.group.memcg->swap.usage() == Pages{newer ? 0U : 63U});
    CHECK((swapper.group.memcg->event(MemcgEvent::kSwapMax) > 0) == !newer);
    swapper.check();
}

TEST_CASE("slots come by priority, and in turn among equals", "[engine][swap]") {
    Machine shape;
    shape.swap = Pages{300};
    shape.swap_devices = {{.pages = Pages{100}, .priority = 1, .synchronous = true},
                          {.pages = Pages{100}, .priority = 7, .synchronous = true},
                          {.pages = Pages{100}, .priority = 1, .synchronous = true}};
    Swapper swapper("6.12", Layout::kV2, shape);
    REQUIRE(swapper.touch(300).ok());
    REQUIRE(swapper.pageout(64).ok());
    Engine& engine = swapper.machine.engine;
    // Only the second has anything: it alone can be emptied of 64 pages.
    const OperationResult brought = swapper.machine.run(engine.swapoff(swapper.task, 1));
    CHECK(*brought == 64);
    REQUIRE(swapper.pageout(64).ok());
    CHECK(*swapper.machine.run(engine.swapoff(swapper.task, 0)) == 32);
    CHECK(*swapper.machine.run(engine.swapoff(swapper.task, 2)) == 32);
    CHECK(swapper.machine.run(engine.swapoff(swapper.task, 2)).error() == Errno::kEINVAL);
    CHECK(swapper.machine.run(engine.swapoff(swapper.task, 9)).error() == Errno::kEINVAL);
    CHECK(swapper.stat(StatItem::kAnon) == 300);
    CHECK(engine.swapon({}).error() == Errno::kEINVAL);
    CHECK(*engine.swapon({.pages = Pages{50}, .synchronous = true}) == 0);
    REQUIRE(swapper.pageout(300).ok());
    CHECK(swapper.stat(StatItem::kSwap) == 50);
    CHECK(swapper.group.memcg->event(MemcgEvent::kSwapFail) == 250);
    CHECK(swapper.group.memcg->event(MemcgEvent::kSwapMax) == 0);
    swapper.check();
}

std::vector<std::int32_t> priorities(const Engine& engine) {
    std::vector<std::int32_t> all;
    for (const SwapStat& swap : engine.machine_stat().swaps) {
        all.push_back(swap.device.priority);
    }
    return all;
}

TEST_CASE("the kernel chooses priorities downwards, and closes gaps", "[engine][swap]") {
    EngineFixture machine("6.1", Layout::kV2);
    Engine& engine = machine.engine;
    for (const char* path : {"/dev/a", "/dev/b", "/dev/c"}) {
        REQUIRE(engine.swapon({.pages = Pages{10}, .priority = -1, .path = path}).ok());
    }
    REQUIRE(engine.swapon({.pages = Pages{10}, .priority = 5, .path = "/file", .file = true}).ok());
    CHECK(priorities(engine) == std::vector<std::int32_t>{-2, -3, -4, 5});
    CHECK(engine.swapon({.pages = Pages{10}, .path = "/dev/b"}).error() == Errno::kEBUSY);
    REQUIRE(machine.run(engine.swapoff({}, 0)).ok());
    CHECK(priorities(engine) == std::vector<std::int32_t>{-2, -3, 5});
    CHECK(*engine.swapon({.pages = Pages{10}, .priority = -1, .path = "/dev/a"}) == 0);
    CHECK(priorities(engine) == std::vector<std::int32_t>{-4, -2, -3, 5});
    CHECK(machine.sink.log.front() ==
          "Adding 40k swap on /dev/a.  Priority:-2 extents:1 across:40k SSFS");
    CHECK(machine.sink.log_levels.front() == LogLevel::kInfo);
}

TEST_CASE("a device that cannot be emptied is the last of the kernel's choice", "[engine][swap]") {
    Machine shape;
    test::add_zram(shape, mib(64));
    EngineFixture machine("6.1", Layout::kV2, shape);
    Engine& engine = machine.engine;
    Cgroup& group = machine.make_memory(machine.root(), "a");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, 4096).ok());
    REQUIRE(machine.run(engine.reclaim_pages(*group.memcg, Pages{2048}, {})).ok());
    REQUIRE(engine.swapon({.pages = Pages{10}, .priority = -1, .path = "/dev/b"}).ok());
    REQUIRE(engine.attach_task(task, machine.root().id).ok());
    REQUIRE(machine.run(engine.set_memory_max(*group.memcg, Pages{0})).ok());
    CHECK(machine.run(engine.swapoff({}, 0)).error() == Errno::kENOMEM);
    CHECK(priorities(engine) == std::vector<std::int32_t>{-3, -2});
}

TEST_CASE("devices without a path are named by their number", "[engine][swap]") {
    Machine shape;
    shape.swap = Pages{30};
    shape.swap_devices = {{.pages = Pages{10}}, {.pages = Pages{20}, .path = "/dev/zram0"}};
    EngineFixture machine("6.12", Layout::kV2, shape);
    const auto swaps = machine.engine.machine_stat().swaps;
    REQUIRE(swaps.size() == 2);
    CHECK(swaps[0].device.path == "/dev/vdb");
    CHECK(swaps[1].device.path == "/dev/zram0");
}

/// B9: a task of 100 MiB in a group limited to 40 MiB, moved to the root before swapoff.
struct Swapoff {
    Swapoff()
        : machine("6.1", Layout::kV1, shape()), group(machine.make_memory(machine.root(), "test")) {
        task = machine.add_task(group);
        REQUIRE(machine.run(machine.engine.set_limit(*group.memcg, CounterKind::kMemory, mib(40)))
                    .ok());
        REQUIRE(machine.anon(task, 25600).ok());
        REQUIRE(machine.engine.attach_task(task, machine.root().id).ok());
        caller = machine.add_task(machine.make_memory(machine.root(), "caller"));
    }
    static Machine shape() {
        Machine machine;
        test::add_zram(machine, mib(256));
        return machine;
    }
    OperationResult swapoff() { return machine.run(machine.engine.swapoff(caller, 0)); }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    TaskId caller;
};

TEST_CASE("swapoff fails where the owner's limit is in the way (B9)", "[engine][swap]") {
    Swapoff world;
    const std::int64_t swapped = world.group.memcg->stat(StatItem::kSwap);
    REQUIRE(swapped == 15392);
    CHECK(world.swapoff().error() == Errno::kENOMEM);
    CHECK(world.machine.sink.killed.empty());
    CHECK(world.group.memcg->stat(StatItem::kSwap) > swapped - 64);
    world.machine.engine.check_invariants();
    // The device goes on: what is in memory can still go there.
    REQUIRE(world.machine.run(world.machine.engine.force_empty(*world.group.memcg)).ok());
    CHECK(world.group.memcg->stat(StatItem::kSwap) == 25600);
}

TEST_CASE("swapoff charges a removed group's pages to its caller (B9)", "[engine][swap]") {
    Swapoff world;
    const Memcg& caller = *world.machine.engine
                               .find(world.machine.engine.find(world.caller)
                                         ->groups.in(world.machine.engine.memory_hierarchy().id))
                               ->memcg;
    REQUIRE(world.machine.engine.remove_cgroup(world.group.id).ok());
    CHECK(*world.swapoff() == 15392);
    CHECK(caller.stat(StatItem::kAnon) == 15392);
    CHECK(world.machine.engine.root_memcg().stat_total(StatItem::kSwap) == 0);
    world.machine.engine.check_invariants();
}

TEST_CASE("swapoff brings everything back where the limit was raised (B9)", "[engine][swap]") {
    Swapoff world;
    REQUIRE(
        world.machine
            .run(world.machine.engine.set_limit(*world.group.memcg, CounterKind::kMemory, mib(100)))
            .ok());
    CHECK(*world.swapoff() == 15392);
    CHECK(world.group.memcg->stat(StatItem::kAnon) == 25600);
    CHECK(world.group.memcg->stat(StatItem::kSwap) == 0);
    CHECK(world.group.memcg->memory.usage() == mib(100));
    world.machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
