// SPDX-License-Identifier: MIT
//
// Groups without hierarchies, and what becomes of a removed group's charges, before 3.19.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

Pages cached(const Cgroup& group) {
    return Pages{static_cast<std::uint64_t>(group.memcg->stat(StatItem::kFile))};
}

struct Old {
    explicit Old(bool hierarchy) { machine.root().memcg->use_hierarchy = hierarchy; }
    EngineFixture machine{"3.10", Layout::kV1};
};

/// Reads a file in the group, and ends the reader.
MappingId read_file(EngineFixture& machine, Cgroup& group, Pages pages) {
    const TaskId task = machine.add_task(group);
    const MappingId file = machine.engine.create_mapping({}, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, pages.count()).ok());
    machine.engine.exit_task(task);
    return file;
}

TEST_CASE("without use_hierarchy a group below pays for itself", "[engine][old]") {
    Old old(false);
    EngineFixture& machine = old.machine;
    Cgroup& parent = machine.make_memory(machine.root(), "a");
    const bool hierarchy = GENERATE(false, true);
    parent.memcg->use_hierarchy = hierarchy;
    Cgroup& child = machine.make_memory(parent, "b");
    CHECK(child.memcg->use_hierarchy == hierarchy);
    machine.limit(parent, mib(4));
    read_file(machine, child, mib(8));
    CHECK((child.memcg->memory.usage() >= mib(8)) == !hierarchy);
    CHECK((parent.memcg->memory.usage() > Pages{0}) == hierarchy);
    CHECK((parent.memcg->stat_total(StatItem::kFile) > 0) == hierarchy);
    CHECK((parent.memcg->memory.failcnt() > 0) == hierarchy);
    machine.engine.check_invariants();
}

TEST_CASE("without use_hierarchy a limit kills in its own group alone", "[engine][old]") {
    Old old(false);
    EngineFixture& machine = old.machine;
    Cgroup& parent = machine.make_memory(machine.root(), "a");
    Cgroup& child = machine.make_memory(parent, "b");
    machine.limit(parent, mib(4));
    const TaskId below = machine.add_task(child);
    REQUIRE(machine.anon(below, mib(64).count()).ok());
    const TaskId task = machine.add_task(parent);
    CHECK_FALSE(machine.anon(task, mib(8).count()).ok());
    CHECK(machine.sink.killed.size() == 1);
    CHECK_FALSE(machine.engine.find(below)->dying);
}

TEST_CASE("the pages of a removed group are its parent's", "[engine][old]") {
    const bool hierarchy = GENERATE(false, true);
    Old old(hierarchy);
    EngineFixture& machine = old.machine;
    Cgroup& parent = machine.make_memory(machine.root(), "a");
    Cgroup& child = machine.make_memory(parent, "b");
    read_file(machine, parent, mib(2));
    const MappingId file = read_file(machine, child, mib(8));
    const auto dying = machine.root().dying_descendants;
    REQUIRE(machine.engine.remove_cgroup(child.id).ok());
    CHECK(machine.root().dying_descendants == dying);  // nothing is left of it
    CHECK(cached(parent) == (hierarchy ? mib(10) : mib(2)));
    CHECK(cached(machine.root()) == (hierarchy ? Pages{0} : mib(8)));
    CHECK(parent.memcg->memory.usage() == cached(parent));
    CHECK(parent.memcg->memsw.usage() == cached(parent));
    machine.engine.check_invariants();
    machine.engine.destroy_mapping(file);
    CHECK(cached(parent) == mib(2));
    machine.engine.check_invariants();
}

TEST_CASE("force_empty hands on what it cannot free", "[engine][old]") {
    const bool old_kernel = GENERATE(true, false);
    EngineFixture machine(old_kernel ? "3.10" : "6.1", Layout::kV1);
    Cgroup& group = machine.make_memory(machine.root(), "a");
    const TaskId task = machine.add_task(group);
    const MappingId memory = machine.engine.create_mapping(task, PageKind::kAnon);
    machine.engine.lock_mapping(memory);
    REQUIRE(machine.run(machine.engine.touch(task, memory, {0, 512}, Access::kWrite)).ok());
    REQUIRE(machine.engine.attach_task(task, machine.root().id).ok());
    REQUIRE(machine.run(machine.engine.force_empty(*group.memcg)).ok());
    CHECK((group.memcg->memory.usage() == Pages{0}) == old_kernel);
    CHECK(machine.root().memcg->stat(StatItem::kUnevictable) == (old_kernel ? 512 : 0));
    CHECK(group.memcg->stat(StatItem::kUnevictable) == (old_kernel ? 0 : 512));
    machine.engine.check_invariants();
    machine.engine.exit_task(task);
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
