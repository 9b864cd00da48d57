// SPDX-License-Identifier: MIT
//
// Want of free pages: kswapd, direct reclaim, soft limits, protection and the global OOM killer
// (spec 4.3 to 4.5, E6 to E10).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

/// One zone of 4 GiB: its marks are 2048, 3096 and 4144 pages (spec 11.5).
Machine seed_machine(Pages pages = mib(4096)) {
    Machine machine;
    machine.memory = pages;
    machine.thp = ThpMode::kNever;
    MachineNode node;
    node.managed[static_cast<std::size_t>(ZoneType::kNormal)] = pages;
    machine.nodes.push_back(node);
    return machine;
}

constexpr std::uint64_t kAll = 1048576;

struct Pressed {
    explicit Pressed(const char* profile, Layout layout = Layout::kV2,
                     Machine shape = seed_machine())
        : machine(profile, layout, std::move(shape)) {
        task = machine.add_task(machine.root());
        file = machine.engine.create_mapping(task, PageKind::kFile);
    }
    Pages free() const {
        Pages sum{};
        for (const NodeStat& node : machine.engine.machine_stat().nodes) {
            for (const ZoneStat& zone : node.zones) {
                sum += zone.free;
            }
        }
        return sum;
    }
    std::uint64_t event(VmEvent which) const { return machine.engine.machine_stat().event(which); }
    /// Reads pages of the file that have not been read yet, without kswapd getting a turn.
    void read(std::uint64_t pages) {
        const OperationResult result =
            machine.run(machine.engine.file_io(task, file, {next, pages}, Access::kRead));
        REQUIRE(result.ok());
        next += pages;
        machine.engine.check_invariants();
    }
    EngineFixture machine;
    TaskId task;
    MappingId file;
    std::uint64_t next = 0;
};

TEST_CASE("kswapd is woken at the low mark and not before (E6)", "[engine][global]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Pressed machine(profile);
    machine.read(kAll - 3096);
    CHECK(machine.free() == Pages{3096});
    CHECK(machine.machine.sink.spawned.empty());
    machine.read(1);
    CHECK(machine.free() == Pages{3095});  // the waking allocation succeeds
    CHECK(machine.machine.sink.spawned.size() == 1);
    CHECK(machine.event(VmEvent::kAllocstallMovable) == 0);
}

TEST_CASE("kswapd goes on until the high mark and sleeps (E9)", "[engine][global]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Pressed machine(profile);
    machine.read(kAll - 3000);
    const Nanos before = machine.machine.clock.now();
    machine.machine.run_spawned();
    CHECK(machine.free() > Pages{4144});
    CHECK(machine.machine.clock.now() >= before + from_millis(100));
    CHECK(machine.event(VmEvent::kPgstealKswapd) == (machine.free() - Pages{3000}).count());
    CHECK(machine.event(VmEvent::kPgstealDirect) == 0);
    CHECK(machine.event(VmEvent::kPageoutrun) == 1);
    const Memcg& root = machine.machine.engine.root_memcg();
    CHECK(root.stat(StatItem::kPgstealKswapd) > 0);
    machine.machine.engine.check_invariants();
}

TEST_CASE("below the min mark a task reclaims itself (E7)", "[engine][global]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Pressed machine(profile);
    machine.read(kAll - 2048);
    CHECK(machine.event(VmEvent::kAllocstallMovable) == 0);
    machine.read(1);
    CHECK(machine.event(VmEvent::kAllocstallMovable) == 1);
    CHECK(machine.event(VmEvent::kPgstealDirect) >= 32);
    CHECK(machine.free() >= Pages{2048});
}

TEST_CASE("free memory counts without the lowmem reserve (E10)", "[engine][global]") {
    Machine shape;
    shape.memory = mib(1024);
    shape.thp = ThpMode::kNever;
    shape.nodes.resize(1);
    shape.nodes[0].managed = {Pages{0}, mib(512), mib(512), Pages{0}};
    Pressed machine("6.12", Layout::kV2, shape);
    const MachineStat stat = machine.machine.engine.machine_stat();
    const ZoneStat& dma32 = stat.nodes[0].zones[1];
    const ZoneStat& normal = stat.nodes[0].zones[2];
    REQUIRE(dma32.protection[3] == Pages{512});
    const Pages usable = mib(1024) - normal.low - dma32.low - Pages{512};
    machine.read(usable.count());
    CHECK(machine.machine.sink.spawned.empty());
    machine.read(1);
    CHECK(machine.machine.sink.spawned.size() == 1);
}

TEST_CASE("hopeless kswapd gives up after 16 runs and starts again after a success",
          "[engine][global]") {
    Pressed machine("6.1");
    const MappingId locked = machine.machine.engine.create_mapping(machine.task, PageKind::kAnon);
    machine.machine.engine.lock_mapping(locked);
    REQUIRE(machine.machine
                .run(machine.machine.engine.touch(machine.task, locked, {0, kAll - 2100},
                                                  Access::kWrite))
                .ok());
    REQUIRE(machine.machine.sink.spawned.size() == 1);
    machine.machine.run_spawned();
    CHECK(machine.event(VmEvent::kPageoutrun) == 16);
    machine.read(1);
    CHECK(machine.machine.sink.spawned.empty());
    machine.read(60);  // direct reclaim of the cache succeeds
    machine.read(60);
    CHECK(machine.event(VmEvent::kPgstealDirect) > 0);
    CHECK(machine.machine.sink.spawned.size() == 1);
}

TEST_CASE("memory.low and memory.min hold against want of free pages", "[engine][global]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Pressed machine(profile, Layout::kV2, seed_machine(mib(1024)));
    EngineFixture& fixture = machine.machine;
    Cgroup& parent = fixture.make_memory(fixture.root(), "p");
    Cgroup& kept = fixture.make_memory(parent, "kept");
    Cgroup& lost = fixture.make_memory(parent, "lost");
    const bool hard = GENERATE(false, true);
    for (Cgroup* group : {&parent, &kept}) {
        hard ? fixture.engine.set_min(*group->memcg, mib(300))
             : fixture.engine.set_low(*group->memcg, mib(300));
    }
    for (Cgroup* group : {&kept, &lost}) {
        const TaskId task = fixture.add_task(*group);
        const MappingId file = fixture.engine.create_mapping(task, PageKind::kFile);
        REQUIRE(fixture.read_file(task, file, mib(250).count()).ok());
    }
    machine.read(mib(800).count());
    CHECK(kept.memcg->stat(StatItem::kPgscanDirect) == 0);
    CHECK(kept.memcg->stat(StatItem::kFile) == static_cast<std::int64_t>(mib(250).count()));
    CHECK(lost.memcg->stat(StatItem::kPgscanDirect) > 0);
    CHECK(kept.memcg->event(MemcgEvent::kLow) == 0);
}

TEST_CASE("without other memory memory.low gives way and memory.min does not", "[engine][global]") {
    const auto* profile = GENERATE("6.1", "6.12");
    const bool hard = GENERATE(false, true);
    Pressed machine(profile, Layout::kV2, seed_machine(mib(256)));
    EngineFixture& fixture = machine.machine;
    Cgroup& group = fixture.make_memory(fixture.root(), "g");
    hard ? fixture.engine.set_min(*group.memcg, mib(256))
         : fixture.engine.set_low(*group.memcg, mib(256));
    const TaskId task = fixture.add_task(group);
    const MappingId file = fixture.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(fixture.read_file(task, file, mib(200).count()).ok());
    const OperationResult result = fixture.anon(machine.task, mib(100).count());
    if (hard) {
        CHECK_FALSE(result.ok());
        CHECK(fixture.sink.killed.size() == 1);
        CHECK(group.memcg->stat(StatItem::kFile) == static_cast<std::int64_t>(mib(200).count()));
    } else {
        CHECK(result.ok());
        CHECK(group.memcg->event(MemcgEvent::kLow) > 0);
        CHECK(fixture.sink.killed.empty());
    }
}

TEST_CASE("a full machine kills the largest task of all", "[engine][global]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Pressed machine(profile, Layout::kV2, seed_machine(mib(256)));
    EngineFixture& fixture = machine.machine;
    Cgroup& group = fixture.make_memory(fixture.root(), "g");
    const TaskId large = fixture.add_task(group);
    const std::int32_t pid = fixture.engine.find(large)->info.pid;
    REQUIRE(fixture.anon(large, mib(150).count()).ok());
    REQUIRE(fixture.anon(machine.task, mib(120).count()).ok());
    CHECK(fixture.sink.killed == std::vector<std::int32_t>{pid});
    CHECK(group.memcg->event(MemcgEvent::kOomKill) == 1);
    CHECK(group.memcg->event(MemcgEvent::kOom) == 0);
    CHECK(machine.event(VmEvent::kOomKill) == 1);
    fixture.engine.check_invariants();
}

TEST_CASE("with oom_kill_allocating_task who asks is killed, unless it is spared",
          "[engine][global]") {
    struct Row {
        std::int32_t oom_score_adj;
        bool asker_dies;
    };
    const auto row = GENERATE(Row{0, true}, Row{-1000, false});
    Pressed machine("6.12", Layout::kV2, seed_machine(mib(256)));
    EngineFixture& fixture = machine.machine;
    fixture.engine.set_vm_oom_kill_allocating_task(-1);
    Cgroup& group = fixture.make_memory(fixture.root(), "g");
    const TaskId large = fixture.add_task(group);
    const TaskId asker = fixture.add_task(group, row.oom_score_adj);
    const std::int32_t victim = fixture.engine.find(row.asker_dies ? asker : large)->info.pid;
    REQUIRE(fixture.anon(large, mib(150).count()).ok());
    CHECK(fixture.anon(asker, mib(120).count()).ok() == !row.asker_dies);
    CHECK(fixture.sink.killed == std::vector<std::int32_t>{victim});
    CHECK(group.memcg->event(MemcgEvent::kOomKill) == 1);
    fixture.engine.check_invariants();
}

TEST_CASE("a task that is alone on a full machine dies of it", "[engine][global]") {
    Pressed machine("6.12", Layout::kV2, seed_machine(mib(256)));
    const OperationResult result = machine.machine.anon(machine.task, mib(300).count());
    CHECK_FALSE(result.ok());
    CHECK(machine.machine.sink.killed.size() == 1);
    CHECK(machine.free() == mib(256));
}

TEST_CASE("the worst offender against its soft limit shrinks first", "[engine][global]") {
    Pressed machine("6.1", Layout::kV1, seed_machine(mib(1024)));
    EngineFixture& fixture = machine.machine;
    Cgroup& over = fixture.make_memory(fixture.root(), "over");
    Cgroup& within = fixture.make_memory(fixture.root(), "within");
    over.memcg->soft_limit = mib(50);
    for (Cgroup* group : {&over, &within}) {
        const TaskId task = fixture.add_task(*group);
        const MappingId file = fixture.engine.create_mapping(task, PageKind::kFile);
        REQUIRE(fixture.read_file(task, file, mib(200).count()).ok());
    }
    machine.read(mib(595).count());
    CHECK(over.memcg->stat(StatItem::kPgscanDirect) == 0);  // no pressure, no effect
    machine.read(mib(60).count());
    const auto read = static_cast<std::int64_t>(mib(200).count());
    const std::int64_t lost_over = read - over.memcg->stat(StatItem::kFile);
    const std::int64_t lost_within = read - within.memcg->stat(StatItem::kFile);
    CHECK(lost_over > static_cast<std::int64_t>(mib(25).count()));
    CHECK(lost_over > 50 * lost_within);
}

}  // namespace
}  // namespace memcgfs::engine
