// SPDX-License-Identifier: MIT
//
// Refaults: which pages come back to the active list (spec engine.md 3.4).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

/// A v2 group that reads files.
struct Reader {
    explicit Reader(const char* profile, Machine shape = {})
        : machine(profile, Layout::kV2, shape),
          group(machine.make_memory(machine.root(), "g")),
          task(machine.add_task(group)) {}
    MappingId file() { return machine.engine.create_mapping(task, PageKind::kFile); }
    void read(MappingId which, std::uint64_t pages) {
        REQUIRE(machine.read_file(task, which, pages).ok());
    }
    void evict(Pages pages) {
        REQUIRE(machine.run(machine.engine.reclaim_pages(*group.memcg, pages, {})).ok());
    }
    std::int64_t stat(StatItem item) const { return group.memcg->stat(item); }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
};

TEST_CASE("pages that come back too late start inactive", "[engine][workingset]") {
    const auto* profile = GENERATE("alinux2", "5.10", "6.1", "6.12");
    Reader reader(profile);
    const MappingId file = reader.file();
    reader.read(file, 1024);
    reader.evict(Pages{1024});
    REQUIRE(reader.stat(StatItem::kFile) == 0);
    reader.read(file, 1024);
    // The nearest is at distance 1, and there is no active page to compete with.
    CHECK(reader.stat(StatItem::kWorkingsetRefaultFile) == 1024);
    CHECK(reader.stat(StatItem::kWorkingsetActivateFile) == 0);
    CHECK(reader.stat(StatItem::kInactiveFile) == 1024);
    reader.machine.engine.check_invariants();
}

TEST_CASE("pages that come back within the active list's size are active",
          "[engine][workingset]") {
    const auto* profile = GENERATE("alinux2", "5.10", "6.1", "6.12");
    Reader reader(profile);
    const MappingId hot = reader.file();
    reader.read(hot, 256);
    reader.read(hot, 256);
    REQUIRE(reader.stat(StatItem::kActiveFile) == 256);
    const MappingId cold = reader.file();
    reader.read(cold, 1024);
    reader.evict(Pages{512});
    const std::int64_t gone = 1024 - reader.stat(StatItem::kInactiveFile);
    REQUIRE(gone >= 512);
    REQUIRE(reader.stat(StatItem::kActiveFile) == 256);
    reader.machine.engine.flush_stats(*reader.group.memcg);
    // The first of them went `gone` evictions ago, too many for 256 active pages. As none of the
    // far ones moves the clock, the last 256 are near enough.
    reader.read(cold, static_cast<std::uint64_t>(gone));
    CHECK(reader.stat(StatItem::kWorkingsetRefaultFile) == gone);
    CHECK(reader.stat(StatItem::kWorkingsetActivateFile) == 256);
    CHECK(reader.stat(StatItem::kWorkingsetRestoreFile) == 0);
    CHECK(reader.stat(StatItem::kActiveFile) == 512);
    CHECK(reader.stat(StatItem::kPgactivate) == 256);  // the hot ones only
    reader.machine.engine.check_invariants();
}

TEST_CASE("pages that were active before are restored and cost", "[engine][workingset]") {
    const auto* profile = GENERATE("6.1", "6.12");
    Reader reader(profile);
    const MappingId file = reader.file();
    reader.read(file, 1000);
    reader.read(file, 1000);
    REQUIRE(reader.stat(StatItem::kActiveFile) == 1000);
    // Nothing inactive: the active list is aged, and its pages go as former working set.
    reader.evict(Pages{100});
    const std::int64_t gone = 1000 - reader.stat(StatItem::kFile);
    REQUIRE(gone >= 100);
    REQUIRE(reader.stat(StatItem::kActiveFile) + reader.stat(StatItem::kInactiveFile) ==
            1000 - gone);
    const std::uint64_t cost = reader.group.memcg->lruvec(0).file_cost;
    reader.read(file, 100);
    const std::int64_t active = reader.stat(StatItem::kWorkingsetActivateFile);
    CHECK(reader.stat(StatItem::kWorkingsetRefaultFile) == 100);
    CHECK(reader.stat(StatItem::kWorkingsetRestoreFile) == active);
    if (active > 0 && std::string(profile) == "6.1") {
        CHECK(reader.group.memcg->lruvec(0).file_cost == cost + 100);
    }
    reader.machine.engine.check_invariants();
}

TEST_CASE("written pages do not refault and truncation forgets", "[engine][workingset]") {
    Reader reader("6.12");
    const MappingId file = reader.file();
    reader.read(file, 256);
    reader.evict(Pages{256});
    Engine& engine = reader.machine.engine;
    SECTION("a write takes no notice of shadows and erases them") {
        REQUIRE(reader.machine.run(engine.file_io(reader.task, file, {0, 256}, Access::kWrite))
                    .ok());
        CHECK(reader.stat(StatItem::kWorkingsetRefaultFile) == 0);
        CHECK(reader.stat(StatItem::kFile) == 256);
    }
    SECTION("POSIX_FADV_DONTNEED") {
        CHECK(engine.drop_mapping(file) == 0);
        reader.read(file, 256);
        CHECK(reader.stat(StatItem::kWorkingsetRefaultFile) == 0);
    }
    engine.check_invariants();
}

TEST_CASE("a removed evictor is forgotten", "[engine][workingset]") {
    const auto* profile = GENERATE("6.1", "6.12");
    EngineFixture machine(profile, Layout::kV2);
    Cgroup& first = machine.make_memory(machine.root(), "a");
    Cgroup& second = machine.make_memory(machine.root(), "b");
    const TaskId task = machine.add_task(first);
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 256).ok());
    REQUIRE(machine.run(machine.engine.reclaim_pages(*first.memcg, Pages{256}, {})).ok());
    REQUIRE(machine.engine.attach_task(task, second.id).ok());
    REQUIRE(machine.engine.remove_cgroup(first.id).ok());
    REQUIRE(machine.read_file(task, file, 256).ok());
    const bool counts = machine.engine.profile().refault_always_counts;
    CHECK(second.memcg->stat(StatItem::kWorkingsetRefaultFile) == (counts ? 256 : 0));
    CHECK(second.memcg->stat(StatItem::kWorkingsetActivateFile) == 0);
}

TEST_CASE("swapped pages refault too, from 5.9 on", "[engine][workingset][swap]") {
    const auto* profile = GENERATE("alinux2", "6.1", "6.12");
    Machine shape;
    test::add_zram(shape, mib(64));
    Reader reader(profile, shape);
    Engine& engine = reader.machine.engine;
    const MappingId region = engine.create_mapping(reader.task, PageKind::kAnon);
    const auto touch = [&] {
        REQUIRE(reader.machine.run(engine.touch(reader.task, region, {0, 512}, Access::kWrite))
                    .ok());
    };
    touch();
    while (reader.stat(StatItem::kAnon) > 0 &&
           reader.machine.run(engine.reclaim_pages(*reader.group.memcg, Pages{512}, {})).ok()) {
    }
    REQUIRE(reader.stat(StatItem::kAnon) == 0);
    touch();
    CHECK(reader.stat(StatItem::kWorkingsetRefaultAnon) ==
          (std::string(profile) == "alinux2" ? 0 : 512));
    CHECK(reader.stat(StatItem::kAnon) == 512);
    engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
