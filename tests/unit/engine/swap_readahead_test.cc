// SPDX-License-Identifier: MIT
//
// Readahead from swap (spec engine.md 3.7). Counts as recorded on a disk partition.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

struct Reader {
    explicit Reader(const char* profile, std::uint32_t page_cluster = 3,
                    PageKind kind = PageKind::kAnon)
        : machine(profile, Layout::kV2, shape(page_cluster)),
          group(machine.make_memory(machine.root(), "g")),
          task(machine.add_task(group)),
          region(machine.engine.create_mapping(task, kind)) {
        touch({0, 4096}, Access::kWrite);
        REQUIRE(machine.run(machine.engine.pageout(task)).ok());
        machine.run_spawned();
        static_cast<void>(
            machine.run(machine.engine.reclaim_pages(*group.memcg, Pages{4096}, {})).ok());
        REQUIRE(stat(StatItem::kSwapCached) == 0);
        faults = stat(StatItem::kPgfault);
    }
    static Machine shape(std::uint32_t page_cluster) {
        Machine machine;
        machine.swap = mib(256);
        machine.vm_page_cluster = page_cluster;
        return machine;
    }
    void touch(Engine::Range range, Access access = Access::kRead) {
        REQUIRE(machine.run(machine.engine.touch(task, region, range, access)).ok());
        machine.engine.check_invariants();
    }
    std::int64_t stat(StatItem item) const { return group.memcg->stat(item); }
    std::uint64_t event(VmEvent event) const { return machine.engine.machine_stat().event(event); }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
    MappingId region;
    std::int64_t faults = 0;
};

TEST_CASE("pages in a row come back eight at a time", "[engine][swap]") {
    Reader reader(GENERATE("6.1", "6.12"), 3, GENERATE(PageKind::kAnon, PageKind::kShmem));
    reader.touch({0, 4096}, GENERATE(Access::kRead, Access::kWrite));
    CHECK(reader.stat(StatItem::kPgmajfault) == 512);
    CHECK(reader.stat(StatItem::kPgfault) - reader.faults == 4096);
    CHECK(reader.stat(StatItem::kWorkingsetRefaultAnon) == 4096);
    CHECK(reader.event(VmEvent::kPswpin) == 4096);
    CHECK(reader.event(VmEvent::kSwapRa) == 3584);
    CHECK(reader.event(VmEvent::kSwapRaHit) == 3584);
}

TEST_CASE("pages read ahead wait in the swap cache, charged", "[engine][swap]") {
    Reader reader(GENERATE("6.1", "6.12"));
    reader.touch({0, 1});
    CHECK(reader.stat(StatItem::kAnon) == 1);
    CHECK(reader.stat(StatItem::kSwapCached) == 8);
    CHECK(reader.group.memcg->memory.usage() >= Pages{8});
    reader.touch({1, 1}, Access::kWrite);
    CHECK(reader.stat(StatItem::kAnon) == 2);
    CHECK(reader.stat(StatItem::kSwapCached) == 7);
    CHECK(reader.stat(StatItem::kPgmajfault) == 1);
}

TEST_CASE("the window shrinks where nothing read ahead is used", "[engine][swap]") {
    Reader reader(GENERATE("6.1", "6.12"));
    std::vector<std::uint64_t> ahead;
    for (std::uint64_t fault = 0; fault < 6; fault++) {
        reader.touch({fault * 100, 1});
        ahead.push_back(reader.event(VmEvent::kSwapRa));
    }
    // Windows of 8, 4, 2, 1, 1, 1 pages.
    CHECK(ahead == std::vector<std::uint64_t>{7, 10, 11, 11, 11, 11});
    // Neighbours make it grow again.
    reader.touch({501, 1});
    CHECK(reader.event(VmEvent::kSwapRa) == 12);
    reader.touch({502, 2});
    CHECK(reader.event(VmEvent::kSwapRaHit) == 1);
    CHECK(reader.event(VmEvent::kSwapRa) == 12 + 3);
}

TEST_CASE("vm.page-cluster is the largest window's power of two", "[engine][swap]") {
    const auto cluster = GENERATE(0U, 2U, 4U);
    Reader reader("6.12", cluster);
    reader.touch({0, 4096});
    CHECK(reader.stat(StatItem::kPgmajfault) ==
          (cluster == 4 ? 257 : std::int64_t{4096} >> cluster));
}

TEST_CASE("pages that went out in any order come back together", "[engine][swap]") {
    Machine shape = Reader::shape(3);
    EngineFixture machine("6.1", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    for (std::uint64_t page = 64; page-- > 0;) {
        REQUIRE(machine.run(machine.engine.touch(task, region, {page, 1}, Access::kWrite)).ok());
    }
    for (std::uint64_t page = 64; page-- > 0;) {
        REQUIRE(machine.run(machine.engine.advise(task, region, {page, 1}, Advice::kPageout)).ok());
    }
    machine.run_spawned();
    static_cast<void>(machine.run(machine.engine.reclaim_pages(*group.memcg, Pages{64}, {})).ok());
    REQUIRE(machine.run(machine.engine.touch(task, region, {0, 64}, Access::kRead)).ok());
    CHECK(group.memcg->stat(StatItem::kPgmajfault) == 8);
    machine.engine.check_invariants();
}

TEST_CASE("pages read together may come back differently", "[engine][swap]") {
    Reader reader("6.12");
    // Every other page has been there before: it goes and comes once more.
    for (std::uint64_t page = 0; page < 64; page += 2) {
        reader.touch({page, 1}, Access::kWrite);
    }
    static_cast<void>(
        reader.machine
            .run(reader.machine.engine.reclaim_pages(*reader.group.memcg, Pages{4096}, {}))
            .ok());
    reader.machine.run_spawned();
    static_cast<void>(
        reader.machine
            .run(reader.machine.engine.reclaim_pages(*reader.group.memcg, Pages{4096}, {}))
            .ok());
    REQUIRE(reader.stat(StatItem::kSwapCached) == 0);
    const std::int64_t before = reader.stat(StatItem::kPgmajfault);
    reader.touch({0, 4096});
    CHECK(reader.stat(StatItem::kPgmajfault) - before <= 513);
}

TEST_CASE("reading ahead keeps a limit", "[engine][swap]") {
    Reader reader(GENERATE("6.1", "6.12"));
    REQUIRE(reader.machine
                .run(reader.machine.engine.set_memory_max(*reader.group.memcg, mib(4)))
                .ok());
    reader.touch({0, 4096});
    CHECK(reader.machine.sink.killed.empty());
    CHECK(reader.group.memcg->memory.usage() <= mib(4));
    CHECK(reader.stat(StatItem::kPgmajfault) < 1024);
}

}  // namespace
}  // namespace memcgfs::engine
