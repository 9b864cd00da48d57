// SPDX-License-Identifier: MIT
//
// One table for 512 pages of a mapping that a task has touched (6.1 and 6.12: memory.stat's
// pagetables after memhog anon 16M, 8 tables and what alignment adds).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

Machine with_page_tables() {
    Machine machine;
    machine.page_tables = true;
    return machine;
}

std::int64_t tables(const Memcg& memcg) { return memcg.stat(StatItem::kPagetables); }

TEST_CASE("page tables are charged with the first page they map", "[engine][page_tables]") {
    EngineFixture machine("6.1", Layout::kV2, with_page_tables());
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    const TaskId task = machine.add_task(group);
    const MappingId mapping = machine.engine.create_mapping(task, PageKind::kAnon);

    REQUIRE(machine.run(machine.engine.touch(task, mapping, {0, 1}, Access::kWrite)).ok());
    CHECK(tables(memcg) == 1);
    REQUIRE(machine.run(machine.engine.touch(task, mapping, {0, 512}, Access::kWrite)).ok());
    CHECK(tables(memcg) == 1);
    REQUIRE(machine.run(machine.engine.touch(task, mapping, {512, 1}, Access::kWrite)).ok());
    CHECK(tables(memcg) == 2);
    REQUIRE(machine.run(machine.engine.touch(task, mapping, {1U << 20U, 1}, Access::kRead)).ok());
    CHECK(tables(memcg) == 3);
    CHECK(memcg.stat(StatItem::kKernel) == 3);
    CHECK(memcg.memory.usage() >= Pages{514 + 3});
    machine.engine.check_invariants();

    SECTION("a run that crosses from one to the next pays for both") {
        REQUIRE(machine.run(machine.engine.touch(task, mapping, {4090, 12}, Access::kWrite)).ok());
        CHECK(tables(memcg) == 5);
    }
    SECTION("they go with the mapping") {
        machine.engine.unmap_mapping(task, mapping, false);
        CHECK(tables(memcg) == 0);
    }
    SECTION("they go with the task, and stay where they were charged until then") {
        Cgroup& other = machine.make_memory(machine.root(), "h");
        REQUIRE(machine.engine.attach_task(task, other.id).ok());
        REQUIRE(machine.run(machine.engine.touch(task, mapping, {1024, 1}, Access::kWrite)).ok());
        CHECK(tables(memcg) == 3);
        CHECK(tables(*other.memcg) == 1);
        machine.engine.exit_task(task);
        CHECK(tables(memcg) == 0);
        CHECK(tables(*other.memcg) == 0);
    }
    machine.engine.check_invariants();
}

TEST_CASE("page tables count as kernel memory of v1 and in memory + swap",
          "[engine][page_tables]") {
    EngineFixture machine("6.1", Layout::kV1, with_page_tables());
    Cgroup& group = machine.make_memory(machine.root(), "g");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.anon(task, 1024).ok());
    CHECK(group.memcg->kmem().usage() == Pages{2});
    CHECK(group.memcg->memsw.usage() == group.memcg->memory.usage());
    machine.engine.check_invariants();
    machine.engine.exit_task(task);
    CHECK(group.memcg->kmem().usage() == Pages{0});
    machine.engine.check_invariants();
}

TEST_CASE("a table that does not fit below the limit kills as a page does",
          "[engine][page_tables]") {
    EngineFixture machine("6.12", Layout::kV2, with_page_tables());
    Cgroup& group = machine.make_memory(machine.root(), "g");
    REQUIRE(machine.run(machine.engine.set_memory_max(*group.memcg, Pages{512})).ok());
    const TaskId task = machine.add_task(group);
    REQUIRE_FALSE(machine.anon(task, 512).ok());
    CHECK(machine.sink.killed.size() == 1);
    CHECK(group.memcg->stat(StatItem::kKernel) == 0);
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
