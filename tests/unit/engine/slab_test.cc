// SPDX-License-Identifier: MIT
//
// Slab of groups. Sizes were measured on Debian's 6.1 and 6.12.
#include "engine/slab.h"

#include "support/engine_access.h"
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr std::int64_t kDentry = 200;
constexpr std::int64_t kTimer = 352;

struct Slab {
    explicit Slab(const char* profile = "6.12", Layout layout = Layout::kV2)
        : machine(profile, layout, test::roomy_machine()),
          group(machine.make_memory(machine.root(), "g")),
          below(machine.make_memory(group, "b")),
          task(machine.add_task(below)) {}
    OperationResult make(SlabKind kind, std::uint64_t objects) {
        OperationResult result = machine.run(machine.engine.allocate_slab(task, kind, objects));
        machine.engine.check_invariants();
        return result;
    }
    OperationResult reclaim(Cgroup& from) {
        OperationResult result =
            machine.run(machine.engine.reclaim_pages(*from.memcg, Pages{25}, {}));
        machine.engine.check_invariants();
        return result;
    }
    std::int64_t stat(StatItem item) const { return below.memcg->stat(item); }
    std::uint64_t scanned() const {
        return machine.engine.machine_stat().event(VmEvent::kSlabsScanned);
    }

    EngineFixture machine;
    Cgroup& group;
    Cgroup& below;
    TaskId task;
};

TEST_CASE("objects are charged by their bytes, in whole pages", "[engine][slab]") {
    Slab slab;
    REQUIRE(slab.make(SlabKind::kDentry, 1).ok());
    CHECK(slab.stat(StatItem::kKernel) == 1);
    REQUIRE(slab.make(SlabKind::kDentry, 9999).ok());
    CHECK(slab.stat(StatItem::kSlabReclaimable) == 10000 * kDentry);
    CHECK(slab.stat(StatItem::kKernel) == 489);
    CHECK(slab.group.memcg->stat_total(StatItem::kKernel) == 489);
    CHECK(slab.group.memcg->memory.usage() >= Pages{489});
    REQUIRE(slab.make(SlabKind::kTimer, 1000).ok());
    CHECK(slab.stat(StatItem::kSlabUnreclaimable) == 1000 * kTimer);
    const auto pages = (10000 * kDentry + 1000 * kTimer + 4095) / 4096;
    CHECK(slab.stat(StatItem::kKernel) == pages);
    CHECK(slab.machine.engine.machine_stat().item(StatItem::kSlabReclaimable) == 489);
}

TEST_CASE("timers end with their task, wherever it is, dentries do not", "[engine][slab]") {
    Slab slab;
    REQUIRE(slab.make(SlabKind::kDentry, 1000).ok());
    REQUIRE(slab.make(SlabKind::kTimer, 100).ok());
    Cgroup& other = slab.machine.make_memory(slab.machine.root(), "o");
    REQUIRE(slab.machine.engine.migrate_task(slab.task, other.id).ok());
    REQUIRE(slab.make(SlabKind::kTimer, 100).ok());
    CHECK(other.memcg->stat(StatItem::kSlabUnreclaimable) == 100 * kTimer);
    slab.machine.engine.exit_task(slab.task);
    slab.machine.engine.check_invariants();
    CHECK(slab.stat(StatItem::kSlabUnreclaimable) == 0);
    CHECK(other.memcg->stat(StatItem::kSlabUnreclaimable) == 0);
    CHECK(slab.stat(StatItem::kSlabReclaimable) == 1000 * kDentry);
}

TEST_CASE("reclaim takes dentries in batches and that is no progress", "[engine][slab]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Slab slab(profile);
    REQUIRE(slab.make(SlabKind::kDentry, 10000).ok());
    REQUIRE(slab.make(SlabKind::kTimer, 100).ok());
    CHECK_FALSE(slab.reclaim(slab.group).ok());
    CHECK(slab.stat(StatItem::kSlabReclaimable) == 0);
    CHECK(slab.stat(StatItem::kSlabUnreclaimable) == 100 * kTimer);
    CHECK(slab.scanned() == 10 * 1024);
    REQUIRE(slab.make(SlabKind::kDentry, 500).ok());
    CHECK_FALSE(slab.reclaim(slab.group).ok());
    CHECK(slab.stat(StatItem::kSlabReclaimable) == 0);
    CHECK(slab.scanned() == 10 * 1024 + 500);
}

TEST_CASE("fewer dentries than a batch are put off", "[engine][slab]") {
    Slab slab;
    const MappingId cache = slab.machine.engine.create_mapping(slab.task, PageKind::kFile, mib(64));
    REQUIRE(
        slab.machine
            .run(slab.machine.engine.file_io(slab.task, cache, {0, mib(64).count()}, Access::kRead))
            .ok());
    REQUIRE(slab.make(SlabKind::kDentry, 4096).ok());
    for (int calls = 0; calls < 20; calls++) {
        REQUIRE(slab.reclaim(slab.group).ok());  // two a call: 4096 >> 11
    }
    CHECK(slab.stat(StatItem::kSlabReclaimable) == 4096 * kDentry);
    CHECK(slab.scanned() == 0);
}

TEST_CASE("a removed group leaves its slab to its parent", "[engine][slab]") {
    const auto layout = GENERATE(Layout::kV2, Layout::kV1);
    Slab slab("6.1", layout);
    REQUIRE(slab.make(SlabKind::kDentry, 1000).ok());
    REQUIRE(slab.make(SlabKind::kTimer, 100).ok());
    const Pages before = slab.group.memcg->memory.usage();
    Cgroup& other = slab.machine.make_memory(slab.machine.root(), "o");
    REQUIRE(slab.machine.engine.migrate_task(slab.task, other.id).ok());
    REQUIRE(slab.machine.engine.remove_cgroup(slab.below.id).ok());
    slab.machine.engine.check_invariants();
    CHECK(slab.group.memcg->stat(StatItem::kSlabReclaimable) == 1000 * kDentry);
    CHECK(slab.group.memcg->stat(StatItem::kSlabUnreclaimable) == 100 * kTimer);
    CHECK(slab.group.memcg->memory.usage() <= before);
    CHECK(slab.group.memcg->memory.usage() >= Pages{(1000 * kDentry + 100 * kTimer) / 4096});
    slab.machine.engine.exit_task(slab.task);
    REQUIRE(slab.machine.run(slab.machine.engine.drop_caches({.dentries = true})).ok());
    REQUIRE(slab.machine.engine.remove_cgroup(slab.group.id).ok());
    slab.machine.engine.check_invariants();
    CHECK(slab.machine.engine.root_memcg().stat_total(StatItem::kSlabReclaimable) == 0);
    CHECK(EngineAccess::state(slab.machine.engine).dying.empty());
}

TEST_CASE("dropping dentries leaves groups alone that have none", "[engine][slab]") {
    Slab slab;
    REQUIRE(slab.make(SlabKind::kDentry, 1).ok());
    // A removed group that pages still hold, and that goes with them.
    Cgroup& removed = slab.machine.make(slab.group, "removed");
    const TaskId other = slab.machine.add_task(removed);
    const MappingId file = slab.machine.engine.create_mapping(other, PageKind::kFile, mib(1));
    REQUIRE(slab.machine.run(slab.machine.engine.touch(other, file, {0, 4}, Access::kRead)).ok());
    slab.machine.engine.exit_task(other);
    const CgroupId removed_id = removed.id;
    REQUIRE(slab.machine.engine.remove_cgroup(removed_id).ok());
    const auto& state = EngineAccess::state(slab.machine.engine).slab;
    REQUIRE(slab.machine.engine.find(removed_id) == nullptr);
    REQUIRE(slab.machine.run(slab.machine.engine.drop_caches({.dentries = true})).ok());
    slab.machine.engine.check_invariants();
    CHECK(slab.stat(StatItem::kSlabReclaimable) == 0);
    // Neither an account nor the CPU's stock is a group's that is about to go.
    CHECK(state.groups.size() == 1);
    CHECK(state.stocks[0].owner == slab.below.memcg);
}

TEST_CASE("a removed group leaves no page without an object to the root", "[engine][slab]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.run(machine.engine.allocate_slab(task, SlabKind::kTimer, 5)).ok());
    machine.engine.exit_task(task);
    REQUIRE(machine.engine.remove_cgroup(group.id).ok());
    machine.engine.check_invariants();
    CHECK(machine.engine.root_memcg().stat_total(StatItem::kKernel) == 0);
    CHECK(EngineAccess::state(machine.engine).slab.groups.empty());
}

TEST_CASE("what cannot be reclaimed brings the OOM killer", "[engine][slab]") {
    Slab slab;
    slab.machine.limit(slab.group, Pages{256});
    REQUIRE(slab.make(SlabKind::kDentry, 20000).ok());
    CHECK(slab.group.memcg->memory.usage() <= Pages{256});
    CHECK(slab.group.memcg->event(MemcgEvent::kOomKill) == 0);
    REQUIRE(slab.machine.anon(slab.task, 1).ok());
    CHECK_FALSE(slab.make(SlabKind::kTimer, 4000).ok());
    CHECK(slab.group.memcg->event(MemcgEvent::kOomKill) == 1);
    CHECK(slab.stat(StatItem::kSlabUnreclaimable) == 0);
}

TEST_CASE("nothing is charged to the root group", "[engine][slab]") {
    Slab slab;
    REQUIRE(slab.machine.engine.migrate_task(slab.task, slab.machine.root().id).ok());
    REQUIRE(slab.make(SlabKind::kDentry, 1000).ok());
    CHECK(slab.machine.engine.root_memcg().stat(StatItem::kKernel) == 0);
}

}  // namespace
}  // namespace memcgfs::engine
