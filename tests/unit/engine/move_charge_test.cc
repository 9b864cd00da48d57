// SPDX-License-Identifier: MIT
//
// v1's move_charge_at_immigrate: what comes along, what it costs, how it fails.
#include <array>

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

struct Groups {
    explicit Groups(Pages swap = Pages{0}) : machine("6.1", Layout::kV1, shape(swap)) {}
    static Machine shape(Pages swap) {
        Machine machine;
        test::add_zram(machine, swap);
        return machine;
    }
    /// What the write of the pid would say: 0 or the errno.
    Result<void> move(TaskId task, Cgroup& to) {
        auto started = machine.engine.migrate_task(task, to.id);
        if (!started.ok()) {
            return Err(started.error());
        }
        if (*started == nullptr) {
            return {};
        }
        const OperationResult result = machine.run(std::move(*started));
        return result.ok() ? Result<void>{} : Err(result.error());
    }
    /// Charged pages without this CPU's stock, which another group's charge pushes out.
    Pages settled(Cgroup& group) {
        const TaskId other = machine.add_task(elsewhere);
        REQUIRE(machine.anon(other, 1).ok());
        machine.engine.exit_task(other);
        return group.memcg->memory.usage();
    }
    EngineFixture machine;
    Cgroup& a = machine.make_memory(machine.root(), "a");
    Cgroup& b = machine.make_memory(machine.root(), "b");
    Cgroup& elsewhere = machine.make_memory(machine.root(), "e");
};

constexpr auto kAnon = static_cast<std::int64_t>(1000);

TEST_CASE("the mask of the new group says what comes along", "[engine][move_charge]") {
    Groups groups;
    EngineFixture& machine = groups.machine;
    const std::uint64_t mask = GENERATE(0, 1, 2, 3);
    groups.b.memcg->move_charge_at_immigrate = mask;
    const TaskId task = machine.add_task(groups.a);
    REQUIRE(machine.anon(task, 1000).ok());
    const MappingId mapped = machine.engine.create_mapping(task, PageKind::kFile);
    machine.engine.map_mapping(task, mapped);
    REQUIRE(machine.run(machine.engine.touch(task, mapped, {0, 200}, Access::kWrite)).ok());
    REQUIRE(machine.read_file(task, mapped, 300).ok());  // a hundred are cache, not mapped
    const MappingId read = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, read, 50).ok());
    const MappingId shmem = machine.engine.create_mapping(task, PageKind::kShmem);
    REQUIRE(machine.run(machine.engine.touch(task, shmem, {0, 30}, Access::kWrite)).ok());
    const std::uint64_t faults = groups.a.memcg->stat(StatItem::kPgfault);

    REQUIRE(groups.move(task, groups.b).ok());

    const std::int64_t anon = (mask & 1) != 0 ? 1000 : 0;
    const std::int64_t file = (mask & 2) != 0 ? 330 : 0;
    const Memcg& from = *groups.a.memcg;
    const Memcg& to = *groups.b.memcg;
    CHECK(machine.engine.find(task)->groups.in(machine.engine.memory_hierarchy().id) ==
          groups.b.id);
    CHECK(to.stat(StatItem::kAnon) == anon);
    CHECK(from.stat(StatItem::kAnon) == kAnon - anon);
    CHECK(to.stat(StatItem::kFile) == file);
    CHECK(from.stat(StatItem::kFile) == 380 - file);
    CHECK(to.stat(StatItem::kShmem) == (file != 0 ? 30 : 0));
    CHECK(to.stat(StatItem::kFileMapped) == (file != 0 ? 230 : 0));
    CHECK(to.stat(StatItem::kPgpgin) == anon + file);
    CHECK(from.stat(StatItem::kPgpgout) == anon + file);
    CHECK(from.stat(StatItem::kPgfault) == static_cast<std::int64_t>(faults));
    CHECK(groups.settled(groups.a) == Pages{static_cast<std::uint64_t>(1380 - anon - file)});
    CHECK(to.memory.usage() == Pages{static_cast<std::uint64_t>(anon + file)});
    CHECK(to.memsw.usage() == to.memory.usage());
    machine.engine.check_invariants();
    machine.engine.exit_task(task);
    CHECK(to.stat(StatItem::kAnon) == 0);
    machine.engine.check_invariants();
}

TEST_CASE("of a file that is mapped in part, that part's cache comes along",
          "[engine][move_charge]") {
    Groups groups;
    EngineFixture& machine = groups.machine;
    const std::uint64_t mask = GENERATE(1, 3);
    groups.b.memcg->move_charge_at_immigrate = mask;
    CHECK(machine.engine.moves_files(groups.b.id) == (mask == 3));
    CHECK_FALSE(machine.engine.moves_files(groups.a.id));
    const TaskId task = machine.add_task(groups.a);
    const TaskId other = machine.add_task(groups.elsewhere);
    const MappingId file = machine.engine.create_mapping(TaskId{}, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 300).ok());
    REQUIRE(machine.run(machine.engine.file_io(other, file, {300, 100}, Access::kRead, {})).ok());

    // 100 to 200, twice, and 250 to 350, of which 50 are another group's.
    auto moving = machine.engine.migrate_task(
        task, groups.b.id, {{file, {100, 100}}, {file, {100, 100}}, {file, {250, 100}}});
    REQUIRE((moving.ok() && *moving != nullptr));
    REQUIRE(machine.run(std::move(*moving)).ok());

    const std::int64_t moved = mask == 3 ? 150 : 0;
    CHECK(groups.b.memcg->stat(StatItem::kFile) == moved);
    CHECK(groups.a.memcg->stat(StatItem::kFile) == 300 - moved);
    CHECK(groups.elsewhere.memcg->stat(StatItem::kFile) == 100);
    CHECK(groups.b.memcg->memory.usage() == Pages{static_cast<std::uint64_t>(moved)});
    machine.engine.check_invariants();
}

TEST_CASE("without room the move fails and nothing has moved", "[engine][move_charge]") {
    Groups groups;
    EngineFixture& machine = groups.machine;
    groups.b.memcg->move_charge_at_immigrate = 1;
    machine.limit(groups.b, Pages{900});
    const TaskId task = machine.add_task(groups.a);
    REQUIRE(machine.anon(task, 1000).ok());
    CHECK(groups.move(task, groups.b).error() == Errno::kENOMEM);
    CHECK(machine.engine.find(task)->groups.in(machine.engine.memory_hierarchy().id) ==
          groups.a.id);
    CHECK(groups.a.memcg->stat(StatItem::kAnon) == kAnon);
    CHECK(groups.b.memcg->stat(StatItem::kAnon) == 0);
    CHECK(groups.settled(groups.b) == Pages{0});
    // Nobody is killed for it: one reclaim and one drain is all.
    CHECK(machine.sink.killed.empty());
    CHECK(groups.b.memcg->event(MemcgEvent::kOom) == 0);
    CHECK(groups.b.memcg->event_local(MemcgEvent::kMax) == 2);
    machine.engine.check_invariants();

    SECTION("what is reclaimable makes room") {
        const TaskId reader = machine.add_task(groups.b);
        const MappingId file = machine.engine.create_mapping(reader, PageKind::kFile);
        machine.limit(groups.b, Pages{1100});
        REQUIRE(machine.read_file(reader, file, 1000).ok());
        CHECK(groups.move(task, groups.b).ok());
        CHECK(groups.b.memcg->stat(StatItem::kAnon) == kAnon);
        CHECK(groups.b.memcg->stat(StatItem::kFile) <= 100);
        CHECK(groups.a.memcg->stat(StatItem::kAnon) == 0);
    }
    machine.engine.check_invariants();
}

TEST_CASE("slots move in memory + swap alone", "[engine][move_charge]") {
    Groups groups(mib(64));
    EngineFixture& machine = groups.machine;
    groups.b.memcg->move_charge_at_immigrate = GENERATE(1, 2);
    const bool anon = groups.b.memcg->move_charge_at_immigrate == 1;
    const TaskId task = machine.add_task(groups.a);
    REQUIRE(machine.anon(task, 1000).ok());
    const MappingId shmem = machine.engine.create_mapping(task, PageKind::kShmem);
    REQUIRE(machine.run(machine.engine.touch(task, shmem, {0, 100}, Access::kWrite)).ok());
    REQUIRE(machine.run(machine.engine.pageout(task)).ok());
    REQUIRE(groups.a.memcg->stat(StatItem::kSwap) == 1100);
    REQUIRE(groups.settled(groups.a) == Pages{0});

    REQUIRE(groups.move(task, groups.b).ok());

    const std::int64_t moved = anon ? 1000 : 0;  // swapped shmem stays
    const Memcg& to = *groups.b.memcg;
    CHECK(to.stat(StatItem::kSwap) == moved);
    CHECK(groups.a.memcg->stat(StatItem::kSwap) == 1100 - moved);
    CHECK(to.memory.usage() == Pages{0});
    CHECK(to.memsw.usage() == Pages{static_cast<std::uint64_t>(moved)});
    CHECK(groups.a.memcg->memsw.usage() == Pages{static_cast<std::uint64_t>(1100 - moved)});
    machine.engine.check_invariants();
    machine.engine.exit_task(task);
    CHECK(to.memsw.usage() == Pages{0});
    machine.engine.check_invariants();
}

TEST_CASE("a limit that the slots exceed only while they move refuses them",
          "[engine][move_charge]") {
    Groups groups(mib(64));
    EngineFixture& machine = groups.machine;
    groups.b.memcg->move_charge_at_immigrate = 1;
    machine.limit(groups.b, Pages{500});
    const TaskId task = machine.add_task(groups.a);
    REQUIRE(machine.anon(task, 1000).ok());
    REQUIRE(machine.run(machine.engine.pageout(task)).ok());
    CHECK(groups.move(task, groups.b).error() == Errno::kENOMEM);
    CHECK(groups.a.memcg->stat(StatItem::kSwap) == 1000);
    CHECK(groups.settled(groups.b) == Pages{0});
    machine.engine.check_invariants();
}

TEST_CASE("from and to the root, which is never charged", "[engine][move_charge]") {
    Groups groups;
    EngineFixture& machine = groups.machine;
    groups.b.memcg->move_charge_at_immigrate = 3;
    machine.root().memcg->move_charge_at_immigrate = 3;
    const TaskId task = machine.add_task(machine.root());
    REQUIRE(machine.anon(task, 1000).ok());
    REQUIRE(groups.move(task, groups.b).ok());
    CHECK(groups.b.memcg->memory.usage() == Pages{1000});
    CHECK(machine.root().memcg->memory.usage() == Pages{1000});
    machine.engine.check_invariants();
    REQUIRE(groups.move(task, machine.root()).ok());
    CHECK(groups.b.memcg->memory.usage() == Pages{0});
    CHECK(machine.root().memcg->memory.usage() == Pages{0});
    CHECK(machine.root().memcg->stat(StatItem::kAnon) == kAnon);
    machine.engine.check_invariants();
}

TEST_CASE("pages that other groups pay for stay with them", "[engine][move_charge]") {
    Groups groups;
    EngineFixture& machine = groups.machine;
    groups.b.memcg->move_charge_at_immigrate = 3;
    const TaskId owner = machine.add_task(groups.elsewhere);
    const MappingId shared = machine.engine.create_mapping(owner, PageKind::kShmem);
    REQUIRE(machine.run(machine.engine.touch(owner, shared, {0, 100}, Access::kWrite)).ok());
    const TaskId task = machine.add_task(groups.a);
    machine.engine.map_mapping(task, shared);
    REQUIRE(machine.run(machine.engine.touch(task, shared, {0, 200}, Access::kWrite)).ok());
    REQUIRE(groups.move(task, groups.b).ok());
    CHECK(groups.elsewhere.memcg->stat(StatItem::kShmem) == 100);
    CHECK(groups.b.memcg->stat(StatItem::kShmem) == 100);
    machine.engine.check_invariants();
}

/// The first step of the move of a thousand pages that needs reclaim, one page a step.
struct Moving : Groups {
    Moving() {
        b.memcg->move_charge_at_immigrate = 1;
        machine.limit(b, Pages{1100});
        REQUIRE(machine.read_file(reader, file, 1000).ok());
        REQUIRE(machine.anon(task, 1000).ok());
        operation = machine.engine.migrate_task(task, b.id).value();
        REQUIRE(operation->step().kind != Step::Kind::kDone);
    }
    void go_on() {
        for (;;) {
            const Step step = operation->step();
            if (step.kind == Step::Kind::kDone) {
                return;
            }
            machine.clock.advance_to(step.until);
        }
    }
    TaskId task = machine.add_task(a);
    TaskId reader = machine.add_task(b);
    MappingId file = machine.engine.create_mapping(reader, PageKind::kFile);
    OperationPtr operation;
};

TEST_CASE("a process or a group may go while charges are taken", "[engine][move_charge]") {
    Moving moving;
    EngineFixture& machine = moving.machine;
    SECTION("the process") {
        machine.engine.exit_task(moving.task);
        moving.go_on();
        CHECK(moving.operation->result().error() == Errno::kESRCH);
    }
    SECTION("the group") {
        REQUIRE(machine.engine.attach_task(moving.reader, machine.root().id).ok());
        REQUIRE(machine.engine.remove_cgroup(moving.b.id).ok());
        moving.go_on();
        CHECK(moving.operation->result().error() == Errno::kENODEV);
        CHECK(moving.a.memcg->stat(StatItem::kAnon) == kAnon);
    }
    machine.engine.check_invariants();
}

TEST_CASE("moves take turns, and charges wait for their end", "[engine][move_charge]") {
    Moving moving;
    EngineFixture& machine = moving.machine;
    const TaskId second = machine.add_task(moving.a);
    REQUIRE(machine.anon(second, 10).ok());
    OperationPtr next = machine.engine.migrate_task(second, moving.b.id).value();
    CHECK(next->step().kind == Step::Kind::kWait);
    machine.sink.woken.clear();
    moving.go_on();
    CHECK(moving.operation->result().ok());
    CHECK(machine.sink.woken == std::vector{next->id()});
    CHECK(machine.run(std::move(next)).ok());
    CHECK(moving.b.memcg->stat(StatItem::kAnon) == kAnon + 10);
    CHECK(moving.a.memcg->stat(StatItem::kAnon) == 0);
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
