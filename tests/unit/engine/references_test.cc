// SPDX-License-Identifier: MIT
//
// Uses of pages, and what programs tell about them (spec engine.md 3.1, 3.6).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

struct Group {
    explicit Group(const char* profile = "6.12", Machine shape = {})
        : machine(profile, Layout::kV2, shape),
          group(machine.make_memory(machine.root(), "g")),
          task(machine.add_task(group)) {}
    Engine& engine() { return machine.engine; }
    MappingId region(PageKind kind) { return machine.engine.create_mapping(task, kind); }
    void touch(MappingId mapping, std::uint64_t pages, Access access = Access::kWrite) {
        touch_as(task, mapping, pages, access);
    }
    void touch_as(TaskId who, MappingId mapping, std::uint64_t pages, Access access) {
        REQUIRE(machine.run(machine.engine.touch(who, mapping, {0, pages}, access)).ok());
    }
    std::uint64_t advise(MappingId mapping, std::uint64_t pages, Advice advice) {
        const OperationResult result =
            machine.run(machine.engine.advise(task, mapping, {0, pages}, advice));
        REQUIRE(result.ok());
        return *result;
    }
    /// One scan of everything there is on the inactive lists, without freeing all of it.
    bool reclaim(std::uint64_t pages) {
        return machine.run(machine.engine.reclaim_pages(*group.memcg, Pages{pages}, {})).ok();
    }
    std::int64_t stat(StatItem item) const { return group.memcg->stat(item); }
    EngineFixture machine;
    Cgroup& group;
    TaskId task;
};

TEST_CASE("a read of untouched anonymous memory charges nothing", "[engine][references]") {
    Group group;
    const MappingId region = group.region(PageKind::kAnon);
    group.touch(region, 100, Access::kRead);
    CHECK(group.stat(StatItem::kAnon) == 0);
    CHECK(group.stat(StatItem::kPgfault) == 100);
    group.touch(region, 100);
    CHECK(group.stat(StatItem::kAnon) == 100);
    CHECK(group.stat(StatItem::kPgfault) == 200);
}

TEST_CASE("write(2) does not count as a use, read(2) does", "[engine][references]") {
    Group group;
    const MappingId file = group.region(PageKind::kFile);
    const auto io = [&](Access access) {
        REQUIRE(group.machine.run(group.engine().file_io(group.task, file, {0, 64}, access)).ok());
    };
    io(Access::kWrite);
    io(Access::kWrite);
    CHECK(group.stat(StatItem::kActiveFile) == 0);
    io(Access::kRead);
    CHECK(group.stat(StatItem::kActiveFile) == 0);
    io(Access::kRead);
    CHECK(group.stat(StatItem::kActiveFile) == 64);
    CHECK(group.stat(StatItem::kPgactivate) == 64);
    group.engine().check_invariants();
}

TEST_CASE("munmap of a used file mapping is a use", "[engine][references]") {
    Group group;
    const MappingId file = group.region(PageKind::kFile);
    const TaskId other = group.machine.add_task(group.group);
    for (const TaskId task : {group.task, other}) {
        group.engine().map_mapping(task, file);
        group.touch_as(task, file, 64, Access::kRead);
    }
    CHECK(group.stat(StatItem::kFileMapped) == 64);
    group.engine().unmap_mapping(other, file, true);
    CHECK(group.stat(StatItem::kFileMapped) == 64);
    CHECK(group.stat(StatItem::kActiveFile) == 0);
    group.engine().check_invariants();
    group.engine().unmap_mapping(group.task, file, true);
    CHECK(group.stat(StatItem::kFileMapped) == 0);
    CHECK(group.stat(StatItem::kActiveFile) == 64);
    group.engine().check_invariants();
}

TEST_CASE("pages used by two of their users are activated at the first scan",
          "[engine][references]") {
    const unsigned users = GENERATE(1U, 2U, 9U);
    Group group;
    const MappingId file = group.region(PageKind::kFile);
    for (unsigned user = 0; user < users; user++) {
        const TaskId task = user == 0 ? group.task : group.machine.add_task(group.group);
        group.engine().map_mapping(task, file);
        group.touch_as(task, file, 64, Access::kRead);
    }
    group.reclaim(8);
    CHECK((group.stat(StatItem::kPgactivate) > 0) == (users > 1));
    group.engine().check_invariants();
}

TEST_CASE("a user outside of the reclaimed groups does not keep a page", "[engine][references]") {
    Group group;
    Cgroup& elsewhere = group.machine.make_memory(group.machine.root(), "b");
    const TaskId other = group.machine.add_task(elsewhere);
    const MappingId file = group.region(PageKind::kFile);
    group.engine().map_mapping(group.task, file);
    group.engine().map_mapping(other, file);
    REQUIRE(group.machine.read_file(group.task, file, 64).ok());
    const bool own = GENERATE(false, true);
    group.touch_as(own ? group.task : other, file, 64, Access::kRead);
    group.reclaim(16);
    // One scan is enough for the foreign user's pages.
    CHECK((group.stat(StatItem::kPgscanDirect) == group.stat(StatItem::kPgstealDirect)) == !own);
    group.engine().check_invariants();
}

TEST_CASE("code is activated by its first use", "[engine][references]") {
    Group group;
    const MappingId file = group.region(PageKind::kFile);
    group.engine().set_executable(file);
    group.engine().map_mapping(group.task, file);
    group.touch(file, 64, Access::kRead);
    group.reclaim(8);
    CHECK(group.stat(StatItem::kPgactivate) > 0);
}

TEST_CASE("MADV_COLD takes active pages down", "[engine][references]") {
    Group group;
    const MappingId file = group.region(PageKind::kFile);
    REQUIRE(group.machine.read_file(group.task, file, 64).ok());
    REQUIRE(group.machine.read_file(group.task, file, 64).ok());
    REQUIRE(group.stat(StatItem::kActiveFile) == 64);
    group.engine().map_mapping(group.task, file);
    group.touch(file, 64, Access::kRead);
    CHECK(group.advise(file, 64, Advice::kCold) == 64);
    CHECK(group.stat(StatItem::kActiveFile) == 0);
    CHECK(group.stat(StatItem::kPgdeactivate) == 64);
    group.engine().check_invariants();
}

TEST_CASE("MADV_FREE: pages go without swap unless they are written to", "[engine][references]") {
    Group group;
    const MappingId region = group.region(PageKind::kAnon);
    group.touch(region, 128);
    CHECK(group.advise(region, 64, Advice::kFree) == 64);
    CHECK(group.stat(StatItem::kPglazyfree) == 64);
    CHECK(group.stat(StatItem::kInactiveFile) == 64);
    CHECK(group.stat(StatItem::kInactiveAnon) == 64);
    CHECK(group.stat(StatItem::kAnon) == 128);
    group.touch(region, 32);  // these are wanted after all
    group.engine().check_invariants();
    while (group.reclaim(32)) {
    }
    CHECK(group.stat(StatItem::kPglazyfreed) == 32);
    CHECK(group.stat(StatItem::kAnon) == 96);
    CHECK(group.stat(StatItem::kInactiveFile) + group.stat(StatItem::kActiveFile) == 0);
    CHECK(group.group.memcg->memory.usage() >= Pages{96});
    group.engine().check_invariants();
    CHECK(group.machine
              .run(group.engine().advise(group.task, group.region(PageKind::kShmem), {0, 1},
                                         Advice::kFree))
              .error() == Errno::kEINVAL);
}

TEST_CASE("MADV_DONTNEED frees private pages and unmaps shared ones", "[engine][references]") {
    Group group;
    const MappingId own = group.region(PageKind::kAnon);
    const MappingId shared = group.region(PageKind::kShmem);
    group.touch(own, 64);
    group.touch(shared, 64);
    CHECK(group.advise(own, 32, Advice::kDontNeed) == 32);
    CHECK(group.stat(StatItem::kAnon) == 32);
    CHECK(group.advise(shared, 64, Advice::kDontNeed) == 64);
    CHECK(group.stat(StatItem::kShmem) == 64);
    CHECK(group.stat(StatItem::kFileMapped) == 0);
    group.engine().check_invariants();
}

TEST_CASE("advice on part of a run ends where it is told to", "[engine][references]") {
    Group group;
    const MappingId region = group.region(PageKind::kAnon);
    group.touch(region, 128);
    CHECK(group.advise(region, 64, Advice::kCold) == 64);
    CHECK(group.advise(region, 64, Advice::kCold) == 64);
    CHECK(group.advise(region, 32, Advice::kPageout) == 0);  // no swap
    group.engine().check_invariants();
}

TEST_CASE("mlock and munlock", "[engine][references]") {
    Group group;
    const MappingId region = group.region(PageKind::kAnon);
    group.touch(region, 64);
    group.engine().lock_mapping(region);
    group.touch(region, 128);
    CHECK(group.stat(StatItem::kUnevictable) == 128);
    CHECK(group.stat(StatItem::kInactiveAnon) == 0);
    CHECK(group.machine.run(group.engine().advise(group.task, region, {0, 64}, Advice::kPageout))
              .error() == Errno::kEINVAL);
    group.engine().unlock_mapping(region);
    CHECK(group.stat(StatItem::kUnevictable) == 0);
    CHECK(group.stat(StatItem::kInactiveAnon) == 128);
    group.engine().check_invariants();
}

TEST_CASE("touching resident memory again keeps one run", "[engine][references]") {
    Group group;
    const MappingId region = group.region(PageKind::kAnon);
    group.touch(region, 100000);
    group.touch(region, 100000, Access::kRead);
    const Lruvec::List& list = group.group.memcg->lruvec(0).list(LruList::kInactiveAnon);
    CHECK(list.head == list.tail);
}

}  // namespace
}  // namespace memcgfs::engine
