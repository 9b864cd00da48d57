// SPDX-License-Identifier: MIT
//
// What outlives what: groups that are removed under operations, pages and slots that outlive
// their group, callers with ids of things that have gone.
#include "support/catch.hpp"
#include "support/engine_fixture.h"

namespace memcgfs::test {
namespace {

using namespace engine;

Machine with_swap(std::uint64_t pages) {
    Machine machine;
    machine.swap = Pages{pages};
    return machine;
}

TEST_CASE("a removed group is freed when the operation that held it ends", "[engine]") {
    EngineFixture f("6.1", Layout::kV2);
    const Cgroup& group = f.make_memory(f.root(), "a");
    OperationPtr operation = f.engine.reclaim_pages(*group.memcg, Pages{10}, {});
    REQUIRE(f.engine.remove_cgroup(group.id).ok());
    CHECK(f.root().dying_descendants == 1);
    while (operation->step().kind != Step::Kind::kDone) {
    }
    CHECK(f.root().dying_descendants == 0);
}

TEST_CASE("a group that only loses its controller is not a dying one", "[engine]") {
    EngineFixture f("6.12", Layout::kV2);
    const Cgroup& group = f.make_memory(f.root(), "a");
    const ControllerMask memory = mask_of(Controller::kMemory);
    REQUIRE(f.engine.set_subtree_control(f.root(), 0, memory).ok());
    CHECK(group.memcg == nullptr);
    CHECK(f.root().dying_descendants == 0);
    // With pages left behind as well: the group is alive, whatever its old charges do.
    REQUIRE(f.engine.set_subtree_control(f.root(), memory, 0).ok());
    const TaskId task = f.add_task(*f.engine.find(group.id));
    REQUIRE(f.anon(task, 10).ok());
    REQUIRE(f.engine.set_subtree_control(f.root(), 0, memory).ok());
    CHECK(f.root().dying_descendants == 0);
    f.engine.exit_task(task);
    CHECK(f.root().dying_descendants == 0);
}

TEST_CASE("a part of a file is freed, in memory and in swap", "[engine]") {
    EngineFixture f("6.1", Layout::kV2, with_swap(1024));
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group);
    const MappingId file = f.engine.create_mapping({}, PageKind::kShmem);
    REQUIRE(f.run(f.engine.file_io(task, file, {0, 200}, Access::kWrite)).ok());
    const Pages before = group.memcg->memory.usage();
    f.engine.free_pages(file, {100, 50});
    CHECK(group.memcg->stat(StatItem::kShmem) == 150);
    CHECK(group.memcg->memory.usage() == before - Pages{50});
    REQUIRE(f.run(f.engine.reclaim_pages(*group.memcg, Pages{64}, {})).ok());
    const Pages swapped = group.memcg->swap.usage();
    REQUIRE(swapped >= Pages{64});
    f.engine.free_pages(file, {10, 20});
    CHECK(group.memcg->swap.usage() == swapped - Pages{20});
    f.engine.free_pages(file, {0, UINT64_MAX});
    CHECK(group.memcg->swap.usage() == Pages{0});
    CHECK(group.memcg->stat(StatItem::kShmem) == 0);
    f.engine.free_pages(file, {0, 1});
    f.engine.check_invariants();
    // The mapping is still there.
    REQUIRE(f.run(f.engine.file_io(task, file, {0, 5}, Access::kWrite)).ok());
    CHECK(group.memcg->stat(StatItem::kShmem) == 5);
}

TEST_CASE("v2: a slot stays with the group it was charged to, removed or not", "[engine]") {
    EngineFixture f("6.1", Layout::kV2, with_swap(1024));
    Cgroup& group = f.make_memory(f.root(), "a");
    Cgroup& below = f.make_memory(group, "b");
    const TaskId task = f.add_task(below);
    const MappingId file = f.engine.create_mapping({}, PageKind::kAnon);
    REQUIRE(f.run(f.engine.touch(task, file, {0, 64}, Access::kWrite)).ok());
    REQUIRE(f.run(f.engine.reclaim_pages(*below.memcg, Pages{64}, {})).ok());
    REQUIRE(below.memcg->swap.usage() == Pages{64});
    // A read leaves the slots to the pages.
    REQUIRE(f.run(f.engine.touch(task, file, {0, 64}, Access::kRead)).ok());
    CHECK(below.memcg->stat(StatItem::kSwapCached) == 64);
    f.engine.exit_task(task);
    REQUIRE(f.engine.remove_cgroup(below.id).ok());
    CHECK(group.memcg->swap.usage() == Pages{64});
    CHECK(group.memcg->stat(StatItem::kSwap) == 0);
    f.engine.destroy_mapping(file);
    CHECK(group.memcg->swap.usage() == Pages{0});
    CHECK(group.memcg->stat(StatItem::kSwap) == 0);
    CHECK(group.dying_descendants == 0);
}

TEST_CASE("anonymous memory that belongs to no task is never file_mapped", "[engine]") {
    EngineFixture f("6.1", Layout::kV2);
    const TaskId task = f.add_task(f.make_memory(f.root(), "a"));
    const MappingId region = f.engine.create_mapping({}, PageKind::kAnon);
    f.engine.map_mapping(task, region);
    REQUIRE(f.run(f.engine.touch(task, region, {0, 20}, Access::kWrite)).ok());
    f.engine.exit_task(task);
    CHECK(f.engine.root_memcg().stat_total(StatItem::kFileMapped) == 0);
    CHECK(f.engine.root_memcg().stat_total(StatItem::kAnon) == 20);
}

TEST_CASE("a writer of memory.max stops when another value is written", "[engine]") {
    EngineFixture f("6.12", Layout::kV2, with_swap(1024));
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group, -1000);
    REQUIRE(f.anon(task, 500).ok());
    OperationPtr low = f.engine.set_memory_max(*group.memcg, Pages{100});
    CHECK(low->step().kind != Step::Kind::kDone);
    REQUIRE(f.run(f.engine.set_memory_max(*group.memcg, Pages{1000})).ok());
    CHECK(f.run(std::move(low)).ok());
    CHECK(group.memcg->memory.max() == Pages{1000});
    CHECK(group.memcg->event(MemcgEvent::kOom) == 0);
}

TEST_CASE("a new task in a group of the wrong hierarchy is in the root", "[engine]") {
    EngineFixture f("6.1", Layout::kHybrid);
    const Cgroup& v2 = f.make(*f.engine.unified()->root, "a");
    TaskInfo info;
    info.pid = 7;
    const TaskId task = f.engine.add_task(info, Membership{{{}, v2.id}});
    CHECK(f.engine.find(task)->groups.in(f.engine.memory_hierarchy().id) ==
          f.engine.memory_hierarchy().root->id);
    CHECK(f.engine.find(task)->groups.in(f.engine.unified()->id) == f.engine.unified()->root->id);
    CHECK(f.engine.attach_task(task, v2.id).ok());
}

TEST_CASE("a range that ends beyond the last page is EINVAL and charges nothing", "[engine]") {
    EngineFixture f("6.12", Layout::kV2);
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group);
    const MappingId region = f.engine.create_mapping(task, PageKind::kAnon);
    const std::uint64_t last = UINT64_MAX / kPageSize;
    const auto range = GENERATE_COPY(Engine::Range{UINT64_MAX, 1}, Engine::Range{UINT64_MAX, 2},
                                     Engine::Range{1, UINT64_MAX}, Engine::Range{0, last + 1},
                                     Engine::Range{last, 1});
    for (const bool mapped : {false, true}) {
        const OperationResult result =
            mapped ? f.run(f.engine.touch(task, region, range, Access::kWrite))
                   : f.run(f.engine.file_io(task, region, range, Access::kRead));
        REQUIRE_FALSE(result.ok());
        CHECK(result.error() == Errno::kEINVAL);
    }
    CHECK(group.memcg->memory.usage() == Pages{0});
    // The last page there is can be had.
    CHECK(f.run(f.engine.touch(task, region, {last - 1, 1}, Access::kWrite)).value() == 1);
    CHECK(f.engine.root_memcg().stat_total(StatItem::kAnon) == 1);
}

TEST_CASE("callers with ids of what has gone get an errno", "[engine]") {
    EngineFixture f("6.1", Layout::kV1);
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group);
    const TaskId dead = f.add_task(group);
    const MappingId region = f.engine.create_mapping(dead, PageKind::kAnon);
    f.engine.exit_task(dead);
    const std::uint64_t count = GENERATE(1, 100);
    CHECK(f.run(f.engine.touch(dead, region, {0, count}, Access::kRead)).error() == Errno::kEINTR);
    CHECK(f.run(f.engine.touch(task, region, {0, count}, Access::kRead)).error() == Errno::kEINVAL);
    CHECK(f.run(f.engine.file_io(task, {}, {0, count}, Access::kRead)).error() == Errno::kEINVAL);
    CHECK(f.run(f.engine.pageout(dead)).error() == Errno::kEINTR);
    f.engine.exit_task(task);
    const CgroupId id = group.id;
    REQUIRE(f.engine.remove_cgroup(id).ok());
    CHECK(f.engine.remove_cgroup(id).error() == Errno::kENODEV);
    CHECK(f.engine.create_cgroup(id, "b").error() == Errno::kENODEV);
    CHECK(f.engine.rename_cgroup(id, "b").error() == Errno::kENODEV);
    CHECK(f.engine.attach_task(f.add_task(f.root()), id).error() == Errno::kENODEV);
    CHECK(f.engine.attach_task(task, f.root().id).error() == Errno::kESRCH);
}

TEST_CASE("a charge that ends after its group was removed leaves no stock", "[engine]") {
    EngineFixture f("6.1", Layout::kV2);
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group);
    const MappingId file = f.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(f.run(f.engine.set_memory_max(*group.memcg, Pages{100})).ok());
    REQUIRE(f.read_file(task, file, 100).ok());
    // Pauses in the middle of the reclaim that makes room.
    OperationPtr read = f.engine.file_io(task, file, {200, 50}, Access::kRead);
    REQUIRE(read->step().kind != Step::Kind::kDone);
    REQUIRE(f.engine.set_subtree_control(f.root(), 0, mask_of(Controller::kMemory)).ok());
    CHECK(f.run(std::move(read)).ok());
    f.engine.exit_task(task);
    f.engine.destroy_mapping(file);
    CHECK(f.engine.root_memcg().memory.usage() == Pages{0});
    CHECK(f.engine.root_memcg().children.empty());
}

TEST_CASE("a task has one operation at a time", "[engine]") {
    EngineFixture f("6.1", Layout::kV1);
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group);
    const MappingId region = f.engine.create_mapping(task, PageKind::kAnon);
    f.engine.set_oom_kill_disable(*group.memcg, true);
    REQUIRE(f.run(f.engine.set_limit(*group.memcg, CounterKind::kMemory, Pages{10})).ok());
    OperationPtr parked = f.engine.touch(task, region, {0, 100}, Access::kWrite);
    while (parked->step().kind != Step::Kind::kWait) {
    }
    CHECK(f.run(f.engine.touch(task, region, {200, 1}, Access::kWrite)).error() == Errno::kEBUSY);
    CHECK(f.run(f.engine.pageout(task)).error() == Errno::kEBUSY);
    // So the one that is parked is woken when the task exits, and can end.
    f.engine.exit_task(task);
    CHECK(f.sink.woken == std::vector{parked->id()});
    CHECK(f.run(std::move(parked)).error() == Errno::kEINTR);
    CHECK(f.engine.find(task) == nullptr);
}

TEST_CASE("threads of a task read and write files in turn", "[engine]") {
    EngineFixture f("6.1", Layout::kV2);
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group);
    const MappingId file = f.engine.create_mapping({}, PageKind::kShmem);
    const auto start = [&](std::uint64_t first) {
        return f.engine.file_io(task, file, {first, 500}, Access::kWrite, 500);
    };
    OperationPtr one = start(0);
    REQUIRE(one->step().kind == Step::Kind::kYield);
    OperationPtr other = start(500);
    REQUIRE(other->step().kind == Step::Kind::kSleep);
    CHECK(group.memcg->stat(StatItem::kShmem) < 500);
    SECTION("both come to their end") {
        REQUIRE(f.run(std::move(one)).ok());
        REQUIRE(f.run(std::move(other)).ok());
        CHECK(group.memcg->stat(StatItem::kShmem) == 1000);
    }
    SECTION("a kill ends both") {
        f.engine.exit_task(task);
        CHECK(f.run(std::move(one)).error() == Errno::kEINTR);
        CHECK(f.run(std::move(other)).error() == Errno::kEINTR);
    }
}

TEST_CASE("a page fault that the stock pays for is over at once", "[engine]") {
    EngineFixture f("6.1", Layout::kV2);
    Cgroup& group = f.make_memory(f.root(), "a");
    const TaskId task = f.add_task(group);
    const MappingId region = f.engine.create_mapping(task, PageKind::kAnon);
    for (std::uint64_t page = 0; page < 130; page++) {
        CHECK(f.run(f.engine.touch(task, region, {page, 1}, Access::kWrite)).value() == 1);
        CHECK(f.run(f.engine.touch(task, region, {page, 1}, Access::kRead)).value() == 0);
    }
    // Spec engine.md 1.3: use = 64 * ceil(N / 64).
    CHECK(group.memcg->memory.usage() == Pages{192});
    CHECK(group.memcg->stat(StatItem::kAnon) == 130);
    CHECK(group.memcg->stat(StatItem::kPgfault) == 130);
}

}  // namespace
}  // namespace memcgfs::test
