// SPDX-License-Identifier: MIT
//
// Alibaba's background reclaim: every worked example of the specification, and the rules of who
// recomputes, who kicks and who is queued.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr Pages kMax = kPageCounterMax;
constexpr Pages kGib{262144};

struct Vector {
    Pages max;
    Pages high;
    std::uint32_t ratio;
    std::uint32_t factor;
    std::uint64_t wmark_high_bytes;
    std::uint64_t wmark_low_bytes;
};

TEST_CASE("watermark arithmetic: the main vectors", "[engine][wmark]") {
    const auto v = GENERATE(values<Vector>({
        {kGib, kMax, 95, 50, 1020051456, 1014685696},
        {kGib, kMax, 95, 1, 1020051456, 1019944960},
        {kGib, kMax, 95, 1000, 1020051456, 912678912},
        {kGib, kMax, 100, 50, 1073741824, 1068376064},
        {kGib, kMax, 100, 1, 1073741824, 1073635328},
        {kGib, kMax, 0, 50, 9223372036854771712U, 9223372036854771712U},
        {kGib, kMax, 50, 50, 536870912, 531505152},
        {kGib, kMax, 80, 200, 858992640, 837521408},
        {kGib, kMax, 1, 50, 10735616, 5369856},
        {kGib, mib(512), 95, 50, 510025728, 507342848},
        {kGib, mib(900), 95, 50, 896532480, 891813888},
        {kGib, mib(100), 95, 50, 99614720, 99090432},
        {kGib, kGib, 95, 50, 1020051456, 1014685696},
        {kGib, mib(2048), 95, 50, 1020051456, 1014685696},
        {kMax, mib(512), 95, 50, 510025728, 507342848},
        {kGib, Pages{0}, 95, 50, 0, 0},
        {pages_floor(Bytes{1000000000}), kMax, 95, 50, 949997568, 945000448},
        {pages_floor(Bytes{999999999}), kMax, 95, 50, 949997568, 945000448},
        {mib(2048), kMax, 95, 50, 2040107008, 2029371392},
        {mib(4096), kMax, 95, 50, 4080218112, 4058746880},
        {mib(16384), kMax, 90, 100, 15461879808, 15290081280},
    }));
    const WmarkLevels levels = compute_wmark(
        {.max = v.max, .high = v.high, .ratio_percent = v.ratio, .scale_factor = v.factor});
    CHECK(to_bytes(levels.high).count() == v.wmark_high_bytes);
    CHECK(to_bytes(levels.low).count() == v.wmark_low_bytes);
}

TEST_CASE("watermark arithmetic: tiny limits", "[engine][wmark]") {
    const auto v = GENERATE(values<Vector>({
        {pages_floor(Bytes{4095}), kMax, 95, 50, 0, 0},
        {pages_floor(Bytes{4096}), kMax, 95, 50, 0, 0},
        {pages_floor(Bytes{8192}), kMax, 95, 50, 4096, 4096},
        {pages_floor(Bytes{8192}), kMax, 100, 50, 8192, 8192},
        {pages_floor(Bytes{40960}), kMax, 95, 50, 36864, 36864},
        {Pages{199}, kMax, 95, 50, 774144, 774144},
        {Pages{200}, kMax, 95, 50, 778240, 774144},
        {mib(1), kMax, 95, 50, 995328, 991232},
        {mib(1), kMax, 95, 1000, 995328, 892928},
        {mib(10), kMax, 95, 50, 9961472, 9912320},
        {mib(100), kMax, 95, 50, 99614720, 99090432},
    }));
    const WmarkLevels levels = compute_wmark(
        {.max = v.max, .high = v.high, .ratio_percent = v.ratio, .scale_factor = v.factor});
    CHECK(to_bytes(levels.high).count() == v.wmark_high_bytes);
    CHECK(to_bytes(levels.low).count() == v.wmark_low_bytes);
}

TEST_CASE("watermark arithmetic: no limit, and a low that wraps", "[engine][wmark]") {
    const auto v = GENERATE(values<Vector>({
        {kMax, kMax, 95, 50, 8762203435012030464U, 8716086574827757568U},
        {kMax, kMax, 50, 50, 4611686018427383808U, 4565569158243110912U},
        {kMax, kMax, 100, 50, 9223372036854771712U, 9177255176670498816U},
        {kGib, kMax, 10, 1000, 107372544, 0},
        {kGib, kMax, 9, 1000, 96632832, 18446744073698811904U},
        {kGib, kMax, 5, 1000, 53686272, 18446744073655865344U},
        {kGib, kMax, 1, 1000, 10735616, 18446744073612914688U},
    }));
    const WmarkLevels levels = compute_wmark(
        {.max = v.max, .high = v.high, .ratio_percent = v.ratio, .scale_factor = v.factor});
    CHECK(to_bytes(levels.high).count() == v.wmark_high_bytes);
    CHECK(to_bytes(levels.low).count() == v.wmark_low_bytes);
}

/// The document's group: 1 GiB, ratio 95, and a task in it.
struct DocumentGroup {
    explicit DocumentGroup(Layout layout, std::uint32_t ratio = 95)
        : machine("alinux2", layout), group(machine.make_memory(machine.root(), "test")) {
        limit(kGib);
        machine.engine.set_wmark_ratio(memcg(), ratio);
        task = machine.add_task(group);
        file = machine.engine.create_mapping(task, PageKind::kFile);
    }
    void limit(Pages max) {
        Engine& engine = machine.engine;
        REQUIRE(machine
                    .run(machine.engine.memory_hierarchy().is_v2()
                             ? engine.set_memory_max(memcg(), max)
                             : engine.set_limit(memcg(), CounterKind::kMemory, max))
                    .ok());
    }
    /// Lets another group use this CPU, so that the charges taken in advance go back.
    void drain_stock() {
        if (drainer == TaskId{}) {
            drainer = machine.add_task(machine.make_memory(machine.root(), "other"));
        }
        REQUIRE(machine.anon(drainer, 1).ok());
    }
    Memcg& memcg() const { return *group.memcg; }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    MappingId file;
    TaskId drainer;
};

TEST_CASE("one run of the worker, priority by priority", "[engine][wmark]") {
    const auto layout = GENERATE(Layout::kV1, Layout::kV2);
    DocumentGroup g(layout, 0);
    REQUIRE(g.machine.read_file(g.task, g.file, 249036).ok());
    g.drain_stock();
    REQUIRE(g.memcg().memory.usage() == Pages{249036});

    g.machine.engine.set_wmark_ratio(g.memcg(), 95);
    REQUIRE(g.machine.sink.spawned.size() == 1);
    g.machine.run_spawned();

    CHECK(g.memcg().memory.usage() == Pages{247158});
    CHECK(to_bytes(g.memcg().memory.usage()).count() == 1012359168);
    CHECK(g.memcg().stat(StatItem::kPgstealKswapd) == 1878);
    CHECK(g.memcg().stat(StatItem::kPgscanKswapd) == 1878);
    CHECK(g.memcg().stat(StatItem::kPgscanDirect) == 0);
    CHECK(g.memcg().memory.failcnt() == 0);
    CHECK(g.memcg().event(MemcgEvent::kMax) == 0);
    CHECK(g.memcg().wmark.reclaim_time > Nanos{0});
    CHECK(g.machine.engine.root_memcg().wmark.reclaim_time == g.memcg().wmark.reclaim_time);
    g.machine.engine.check_invariants();
}

TEST_CASE("the trigger is at usage >= wmark_high, once a batch", "[engine][wmark]") {
    DocumentGroup g(Layout::kV1);
    REQUIRE(g.machine.read_file(g.task, g.file, 249024).ok());  // 7782 batches of 32
    CHECK(g.memcg().memory.usage() == Pages{249024});
    CHECK(g.machine.sink.spawned.empty());
    const MappingId more = g.machine.engine.create_mapping(g.task, PageKind::kFile);
    REQUIRE(g.machine.read_file(g.task, more, 32).ok());  // to 249056, checked once
    CHECK(g.machine.sink.spawned.size() == 1);
}

TEST_CASE("equality triggers, one page less does not", "[engine][wmark]") {
    DocumentGroup g(Layout::kV1, 0);
    REQUIRE(g.machine.read_file(g.task, g.file, 249035).ok());
    g.drain_stock();
    REQUIRE(g.memcg().memory.usage() == Pages{249035});
    g.machine.engine.set_wmark_ratio(g.memcg(), 95);
    CHECK(g.machine.sink.spawned.empty());
    const MappingId more = g.machine.engine.create_mapping(g.task, PageKind::kFile);
    g.machine.engine.set_wmark_ratio(g.memcg(), 0);
    REQUIRE(g.machine.read_file(g.task, more, 1).ok());
    g.drain_stock();
    REQUIRE(g.memcg().memory.usage() == Pages{249036});
    g.machine.engine.set_wmark_ratio(g.memcg(), 95);
    CHECK(g.machine.sink.spawned.size() == 1);
}

TEST_CASE("a group of 199 pages: usage at both levels triggers and finds nothing to do",
          "[engine][wmark]") {
    DocumentGroup g(Layout::kV1, 0);
    g.limit(Pages{199});
    REQUIRE(g.machine.read_file(g.task, g.file, 189).ok());
    g.drain_stock();
    g.machine.engine.set_wmark_ratio(g.memcg(), 95);
    REQUIRE(g.machine.sink.spawned.size() == 1);
    g.machine.run_spawned();
    CHECK(g.memcg().memory.usage() == Pages{189});
    CHECK(g.memcg().wmark.runs == 0);
    const MappingId more = g.machine.engine.create_mapping(g.task, PageKind::kFile);
    g.machine.engine.set_wmark_ratio(g.memcg(), 0);
    REQUIRE(g.machine.read_file(g.task, more, 1).ok());
    g.drain_stock();
    g.machine.engine.set_wmark_ratio(g.memcg(), 95);
    g.machine.run_spawned();
    CHECK(g.memcg().wmark.runs == 1);
    CHECK(g.memcg().memory.usage() <= Pages{189});
}

TEST_CASE("a stream past the limit never reclaims directly", "[engine][wmark]") {
    const auto layout = GENERATE(Layout::kV1, Layout::kV2);
    DocumentGroup g(layout);
    // 1.5 GiB in pieces; the worker runs whenever it has been queued.
    for (int piece = 0; piece < 96; piece++) {
        const MappingId file = g.machine.engine.create_mapping(g.task, PageKind::kFile);
        REQUIRE(g.machine.read_file(g.task, file, mib(16).count()).ok());
        g.machine.run_spawned();
        REQUIRE(g.memcg().memory.usage() < g.memcg().wmark.levels.high);
    }
    CHECK(g.memcg().memory.failcnt() == 0);
    CHECK(g.memcg().stat(StatItem::kPgscanDirect) == 0);
    CHECK(g.memcg().stat(StatItem::kPgstealKswapd) > 0);

    SECTION("and with ratio 0 it does") {
        g.machine.engine.set_wmark_ratio(g.memcg(), 0);
        for (int piece = 0; piece < 8; piece++) {
            const MappingId file = g.machine.engine.create_mapping(g.task, PageKind::kFile);
            REQUIRE(g.machine.read_file(g.task, file, mib(16).count()).ok());
        }
        for (const OperationPtr& operation : g.machine.sink.spawned) {
            CHECK(operation->name() != "memcg_wmark");
        }
        CHECK(g.memcg().memory.failcnt() > 0);
        CHECK(g.memcg().stat(StatItem::kPgscanDirect) > 0);
    }
    g.machine.engine.check_invariants();
}

TEST_CASE("children copy ratio and factor once", "[engine][wmark]") {
    DocumentGroup g(Layout::kV1);
    g.machine.engine.set_wmark_scale_factor(g.memcg(), 200);
    Cgroup& child = g.machine.make(g.group, "b");
    CHECK(child.memcg->wmark.ratio_percent == 95);
    CHECK(child.memcg->wmark.scale_factor == 200);
    CHECK(to_bytes(child.memcg->wmark.levels.high).count() == 8762203435012030464U);
    g.machine.engine.set_wmark_scale_factor(g.memcg(), 1);
    CHECK(child.memcg->wmark.scale_factor == 200);
    REQUIRE(g.machine.run(g.machine.engine.set_limit(*child.memcg, CounterKind::kMemory, mib(256)))
                .ok());
    CHECK(to_bytes(child.memcg->wmark.levels.high).count() == 255012864);

    Cgroup& first_level = g.machine.make(g.machine.root(), "plain");
    CHECK(first_level.memcg->wmark.ratio_percent == 0);
    CHECK(first_level.memcg->wmark.scale_factor == 50);
    CHECK(first_level.memcg->wmark.levels.high == kMax);
}

TEST_CASE("only the lowest group over its mark is queued", "[engine][wmark]") {
    DocumentGroup g(Layout::kV1, 0);
    Cgroup& child = g.machine.make(g.group, "b");  // before the ratio: ratio 0
    const TaskId task = g.machine.add_task(child);
    g.machine.engine.set_wmark_ratio(g.memcg(), 95);
    const MappingId file = g.machine.engine.create_mapping(task, PageKind::kFile);

    SECTION("a child without a mark of its own: the parent's work, in the child's pages") {
        REQUIRE(g.machine.read_file(task, file, 249088).ok());
        REQUIRE(g.machine.sink.spawned.size() == 1);
        g.machine.run_spawned();
        CHECK(g.memcg().memory.usage() < g.memcg().wmark.levels.low);
        CHECK(child.memcg->stat(StatItem::kPgstealKswapd) > 0);
        CHECK(g.memcg().wmark.runs == 1);
    }
    SECTION("a child over its own mark: only the child's") {
        REQUIRE(
            g.machine.run(g.machine.engine.set_limit(*child.memcg, CounterKind::kMemory, mib(256)))
                .ok());
        g.machine.engine.set_wmark_ratio(*child.memcg, 95);
        REQUIRE(g.machine.read_file(task, file, 62272).ok());
        g.machine.run_spawned();
        CHECK(child.memcg->wmark.runs == 1);
        CHECK(g.memcg().wmark.runs == 0);
    }
    g.machine.engine.check_invariants();
}

TEST_CASE("who recomputes and who kicks", "[engine][wmark]") {
    DocumentGroup g(Layout::kV2, 0);
    REQUIRE(g.machine.read_file(g.task, g.file, 128000).ok());
    const auto queued = [&] { return g.machine.sink.spawned.size(); };

    g.machine.engine.set_wmark_ratio(g.memcg(), 50);  // 131072: not reached
    CHECK(queued() == 0);
    g.machine.engine.set_wmark_ratio(g.memcg(), 48);  // 125829: reached
    CHECK(queued() == 1);
    g.machine.engine.set_wmark_ratio(g.memcg(), 48);  // already pending
    CHECK(queued() == 1);
    g.machine.run_spawned();
    CHECK(g.memcg().memory.usage() < g.memcg().wmark.levels.low);

    const Pages low = g.memcg().wmark.levels.low;
    g.machine.engine.set_wmark_scale_factor(g.memcg(), 1000);
    CHECK(g.memcg().wmark.levels.low < low);
    CHECK(queued() == 0);

    REQUIRE(g.machine.run(g.machine.engine.set_memory_high(g.memcg(), Pages{250000})).ok());
    CHECK(queued() == 1);
    CHECK(g.memcg().wmark.levels.high == Pages{120000});
    g.machine.run_spawned();
    g.machine.engine.set_min(g.memcg(), mib(1));
    g.machine.engine.set_low(g.memcg(), mib(1));
    CHECK(queued() == 0);
}

TEST_CASE("a wrapped low mark turns the worker off", "[engine][wmark]") {
    DocumentGroup g(Layout::kV1, 0);
    g.machine.engine.set_wmark_scale_factor(g.memcg(), 1000);
    g.machine.engine.set_wmark_ratio(g.memcg(), 5);
    REQUIRE(g.machine.read_file(g.task, g.file, 20000).ok());
    REQUIRE(g.machine.sink.spawned.size() == 1);
    g.machine.run_spawned();
    CHECK(g.memcg().memory.usage() >= Pages{20000});
    CHECK(g.memcg().wmark.runs == 0);
}

TEST_CASE("a ratio keeps memory.high from throttling", "[engine][wmark]") {
    DocumentGroup g(Layout::kV2);
    REQUIRE(g.machine.run(g.machine.engine.set_memory_high(g.memcg(), mib(100))).ok());
    REQUIRE(g.machine.anon(g.task, mib(120).count()).ok());
    CHECK(g.memcg().event(MemcgEvent::kHigh) == 0);
    CHECK(g.memcg().memory.usage() >= mib(120));
}

TEST_CASE("the worker leaves memory.low alone", "[engine][wmark]") {
    DocumentGroup g(Layout::kV2);
    g.machine.engine.exit_task(g.task);
    Cgroup& child = g.machine.make_memory(g.group, "b");
    const TaskId task = g.machine.add_task(child);
    g.machine.engine.set_low(*child.memcg, kGib);
    const MappingId file = g.machine.engine.create_mapping(task, PageKind::kFile);
    g.machine.run_spawned();  // announcements of who lives where
    REQUIRE(g.machine.read_file(task, file, 249088).ok());
    REQUIRE(g.machine.sink.spawned.size() == 1);
    g.machine.run_spawned();
    CHECK(child.memcg->stat(StatItem::kPgscanKswapd) == 0);
    CHECK(child.memcg->event(MemcgEvent::kLow) == 0);
    CHECK(g.memcg().memory.usage() >= g.memcg().wmark.levels.high);
}

}  // namespace
}  // namespace memcgfs::engine
