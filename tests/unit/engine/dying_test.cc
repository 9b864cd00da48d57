// SPDX-License-Identifier: MIT
//
// Removed groups that still hold charges: who counts them, until when (G15).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

TEST_CASE("a removed group's cache counts above until it is reclaimed (G15)", "[engine][rmdir]") {
    const auto* profile = GENERATE("6.1", "6.12");
    EngineFixture machine(profile, Layout::kV2);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    const TaskId task = machine.add_task(child);
    const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 1000).ok());
    machine.engine.exit_task(task);
    machine.engine.set_min(*child.memcg, mib(16));
    REQUIRE(machine.engine.remove_cgroup(child.id).ok());

    CHECK(parent.memcg->memory.usage() == Pages{1000});
    CHECK(parent.memcg->memory.children_min_usage() == Pages{0});
    CHECK(parent.memcg->stat_total(StatItem::kFile) == 1000);
    CHECK(parent.dying_descendants == 1);
    CHECK(machine.root().dying_descendants == 1);
    CHECK(parent.descendants == 0);
    machine.engine.check_invariants();

    SECTION("by the parent's memory.reclaim") {
        REQUIRE(machine.run(machine.engine.reclaim_pages(*parent.memcg, Pages{1000}, {})).ok());
    }
    SECTION("or with the file") { machine.engine.destroy_mapping(file); }
    CHECK(parent.memcg->memory.usage() == Pages{0});
    CHECK(parent.dying_descendants == 0);
    CHECK(machine.root().dying_descendants == 0);
    machine.engine.check_invariants();
}

TEST_CASE("swap slots keep a removed group; what comes back is the faulter's", "[engine][rmdir]") {
    const auto layout = GENERATE(Layout::kV1, Layout::kV2);
    Machine shape;
    test::add_zram(shape, mib(64));
    EngineFixture machine("6.1", layout, shape);
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    Cgroup& other = machine.make_memory(machine.root(), "o");
    const TaskId task = machine.add_task(child);
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    REQUIRE(machine.run(machine.engine.touch(task, region, {0, 256}, Access::kWrite)).ok());
    REQUIRE(machine.run(machine.engine.pageout(task)).ok());
    REQUIRE(machine.engine.attach_task(task, other.id).ok());
    REQUIRE(machine.engine.remove_cgroup(child.id).ok());
    CHECK(parent.dying_descendants == 1);
    CHECK(parent.memcg->stat_total(StatItem::kSwap) == 256);

    REQUIRE(machine.run(machine.engine.touch(task, region, {0, 256}, Access::kWrite)).ok());
    CHECK(other.memcg->stat(StatItem::kAnon) == 256);
    CHECK(parent.memcg->stat_total(StatItem::kSwap) == 0);
    CHECK(parent.dying_descendants == 0);
    machine.engine.check_invariants();
}

TEST_CASE("ids run out, and slots of removed groups hold theirs", "[engine][rmdir]") {
    Profile profile = *find_profile("6.1");
    profile.memcg_ids = 4;  // the root has one
    Machine shape;
    test::add_zram(shape, mib(64));
    EngineFixture machine(profile, Layout::kV1, shape);
    Cgroup& a = machine.make(machine.root(), "a");
    Cgroup& b = machine.make(machine.root(), "b");
    machine.make(machine.root(), "c");
    const auto full = [&] {
        const auto made = machine.engine.create_cgroup(machine.root().id, "d");
        if (made.ok()) {
            REQUIRE(machine.engine.remove_cgroup(*made).ok());
            return false;
        }
        CHECK(made.error() == Errno::kENOSPC);
        return true;
    };
    CHECK(full());
    const TaskId task = machine.add_task(a);
    REQUIRE(machine.anon(task, 64).ok());
    REQUIRE(machine.run(machine.engine.pageout(task)).ok());
    const TaskId reader = machine.add_task(b);
    const MappingId file = machine.engine.create_mapping(reader, PageKind::kFile);
    REQUIRE(machine.read_file(reader, file, 64).ok());
    REQUIRE(machine.engine.attach_task(task, machine.root().id).ok());
    REQUIRE(machine.engine.attach_task(reader, machine.root().id).ok());
    REQUIRE(machine.engine.remove_cgroup(a.id).ok());
    CHECK(full());  // its slots name it
    REQUIRE(machine.engine.remove_cgroup(b.id).ok());
    CHECK_FALSE(full());  // cache does not
    machine.engine.exit_task(task);
    machine.make(machine.root(), "d");
    CHECK_FALSE(full());
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::engine
