// SPDX-License-Identifier: MIT
#include <algorithm>

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

constexpr ControllerMask kMemory = mask_of(Controller::kMemory);

int error_of(const Result<void>& result) { return result.ok() ? 0 : to_int(result.error()); }

TEST_CASE("a stale group id is recognised", "[engine][cgroup]") {
    EngineFixture machine("6.12", Layout::kV2);
    const CgroupId id = machine.make(machine.root(), "a").id;
    REQUIRE(machine.engine.remove_cgroup(id).ok());
    CHECK(machine.engine.find(id) == nullptr);
    CHECK(error_of(machine.engine.remove_cgroup(id)) == ENODEV);
    CHECK(machine.make(machine.root(), "a").id != id);
    CHECK(machine.engine.create_cgroup(id, "b").error() == Errno::kENODEV);
}

TEST_CASE("a group with members or children stays", "[engine][cgroup]") {
    EngineFixture machine("6.1", Layout::kV1);
    Cgroup& parent = machine.make(machine.root(), "p");
    Cgroup& child = machine.make(parent, "c");
    CHECK(error_of(machine.engine.remove_cgroup(parent.id)) == EBUSY);
    const TaskId task = machine.add_task(child);
    CHECK(error_of(machine.engine.remove_cgroup(child.id)) == EBUSY);
    machine.engine.exit_task(task);
    CHECK(error_of(machine.engine.remove_cgroup(child.id)) == 0);
    CHECK(error_of(machine.engine.remove_cgroup(parent.id)) == 0);
    CHECK(error_of(machine.engine.remove_cgroup(machine.root().id)) == EBUSY);
}

TEST_CASE("depth and number of groups have limits", "[engine][cgroup]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& a = machine.make(machine.root(), "a");
    a.max_depth = 1;
    a.max_descendants = 2;
    Cgroup& b = machine.make(a, "b");
    CHECK(machine.engine.create_cgroup(b.id, "deep").error() == Errno::kEAGAIN);
    machine.make(a, "c");
    CHECK(machine.engine.create_cgroup(a.id, "d").error() == Errno::kEAGAIN);
    CHECK(a.descendants == 2);
    CHECK(machine.root().descendants == 3);
}

TEST_CASE("subtree_control hands memory out and takes it back", "[engine][cgroup]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& a = machine.make(machine.root(), "a");
    CHECK(a.memcg == nullptr);
    CHECK(&machine.engine.effective_memcg(a) == &machine.engine.root_memcg());
    CHECK(error_of(machine.engine.set_subtree_control(a, kMemory, 0)) == ENOENT);

    REQUIRE(machine.engine.set_subtree_control(machine.root(), kMemory, 0).ok());
    REQUIRE(a.memcg != nullptr);
    const std::uint64_t version = a.files_version;
    CHECK(error_of(machine.engine.set_subtree_control(machine.root(), 0, kMemory)) == 0);
    CHECK(a.memcg == nullptr);
    CHECK(a.files_version != version);
}

TEST_CASE("taking memory back needs children that do not hand it on", "[engine][cgroup]") {
    EngineFixture machine("6.12", Layout::kV2);
    REQUIRE(machine.engine.set_subtree_control(machine.root(), kMemory, 0).ok());
    Cgroup& a = machine.make(machine.root(), "a");
    REQUIRE(machine.engine.set_subtree_control(a, kMemory, 0).ok());
    CHECK(error_of(machine.engine.set_subtree_control(machine.root(), 0, kMemory)) == EBUSY);
    REQUIRE(machine.engine.set_subtree_control(a, 0, kMemory).ok());
    CHECK(error_of(machine.engine.set_subtree_control(machine.root(), 0, kMemory)) == 0);
}

TEST_CASE("pages stay with a group whose controller was switched off", "[engine][cgroup]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& a = machine.make_memory(machine.root(), "a");
    const TaskId task = machine.add_task(a);
    REQUIRE(machine.anon(task, 640).ok());
    REQUIRE(machine.engine.set_subtree_control(machine.root(), 0, kMemory).ok());
    REQUIRE(machine.engine.set_subtree_control(machine.root(), kMemory, 0).ok());
    CHECK(a.memcg->memory.usage() == Pages{0});
    CHECK(machine.engine.root_memcg().memory.usage() == Pages{640});
    machine.engine.exit_task(task);
    CHECK(machine.engine.root_memcg().memory.usage() == Pages{0});
    machine.engine.check_invariants();
}

TEST_CASE("no members beside children with memory", "[engine][cgroup]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& a = machine.make_memory(machine.root(), "a");
    const TaskId task = machine.add_task(a);
    CHECK(error_of(machine.engine.set_subtree_control(a, kMemory, 0)) == EBUSY);
    REQUIRE(machine.engine.attach_task(task, machine.root().id).ok());
    REQUIRE(machine.engine.set_subtree_control(a, kMemory, 0).ok());
    CHECK(error_of(machine.engine.attach_task(task, a.id)) == EBUSY);
}

TEST_CASE("membership is remembered by css_set", "[engine][cgroup]") {
    EngineFixture machine("6.1", Layout::kHybrid);
    Cgroup& v1 = machine.make(*machine.engine.memory_hierarchy().root, "m");
    Cgroup& v2 = machine.make(*machine.engine.unified()->root, "u");
    const TaskId task = machine.add_task(v1);
    const std::uint32_t only_v1 = machine.engine.css_set_of(machine.engine.find(task)->groups);
    REQUIRE(machine.engine.attach_task(task, v2.id).ok());
    const std::uint32_t both = machine.engine.css_set_of(machine.engine.find(task)->groups);
    CHECK(only_v1 != both);
    CHECK(machine.engine.css_set(both).in(machine.engine.memory_hierarchy().id) == v1.id);
    CHECK(machine.engine.css_set(both).in(machine.engine.unified()->id) == v2.id);
    CHECK(machine.engine.css_set(0).in(machine.engine.memory_hierarchy().id) ==
          machine.engine.memory_hierarchy().root->id);

    machine.engine.exit_task(task);
    REQUIRE(machine.engine.remove_cgroup(v1.id).ok());
    CHECK(machine.engine.css_set(both).in(machine.engine.memory_hierarchy().id) ==
          machine.engine.memory_hierarchy().root->id);
}

TEST_CASE("charges stay where they were made", "[engine][cgroup]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& a = machine.make_memory(machine.root(), "a");
    Cgroup& b = machine.make_memory(machine.root(), "b");
    const TaskId task = machine.add_task(a);
    REQUIRE(machine.anon(task, 64).ok());
    REQUIRE(machine.engine.attach_task(task, b.id).ok());
    REQUIRE(machine.anon(task, 128).ok());
    CHECK(a.memcg->memory.usage() == Pages{64});
    CHECK(b.memcg->memory.usage() == Pages{128});
    CHECK_FALSE(a.populated());
    CHECK(b.populated());
}

TEST_CASE("who freezes what an ancestor has frozen is told at once", "[engine][cgroup]") {
    // cgroup_freeze() (kernel/cgroup/freezer.c, 6.1)
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& parent = machine.make(machine.root(), "p");
    Cgroup& child = machine.make(parent, "c");
    machine.engine.set_freeze(parent, true);
    machine.sink.modified.clear();
    machine.clock.advance_to(from_millis(100));  // notifications of one file are 10 ms apart
    machine.engine.set_freeze(child, true);
    REQUIRE(machine.sink.modified.size() == 1);
    CHECK(machine.sink.modified[0].cgroup == child.id);
    CHECK(machine.sink.modified[0].file == NotifyFile::kCgroupEvents);
    machine.engine.set_freeze(child, true);
    CHECK(machine.sink.modified.size() == 1);
}

TEST_CASE("v2 swap is a counter of its own", "[engine][swap]") {
    Machine shape;
    test::add_zram(shape, mib(64));
    EngineFixture machine("6.12", Layout::kV2, shape);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    Memcg& memcg = *group.memcg;
    const TaskId task = machine.add_task(group);
    const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
    REQUIRE(machine.run(machine.engine.touch(task, region, {0, 4096}, Access::kWrite)).ok());

    SECTION("proactive reclaim moves pages there and a touch brings them back") {
        REQUIRE(machine.run(machine.engine.reclaim_pages(memcg, Pages{2048}, {})).ok());
        const Pages swapped = memcg.swap.usage();
        CHECK(swapped >= Pages{2048});
        CHECK(memcg.memory.usage() + swapped == Pages{4096});
        REQUIRE(machine.run(machine.engine.touch(task, region, {0, 4096}, Access::kWrite)).ok());
        CHECK(memcg.swap.usage() == Pages{0});
        CHECK(memcg.stat(StatItem::kAnon) == 4096);
        CHECK(memcg.stat(StatItem::kPgmajfault) == static_cast<std::int64_t>(swapped.count()));
    }
    SECTION("a read gives the slots back, for the device is memory") {
        REQUIRE(machine.run(machine.engine.pageout(task)).ok());
        CHECK(memcg.swap.usage() == Pages{4096});
        REQUIRE(machine.run(machine.engine.touch(task, region, {0, 64}, Access::kRead)).ok());
        CHECK(memcg.swap.usage() == Pages{4032});
        CHECK(memcg.stat(StatItem::kSwapCached) == 0);
    }
    SECTION("swap.max refuses slots and says so") {
        memcg.swap.set_max(Pages{100});
        machine.run(machine.engine.reclaim_pages(memcg, Pages{2048}, {})).ok();
        CHECK(memcg.swap.usage() == Pages{100});
        CHECK(memcg.event(MemcgEvent::kSwapMax) > 0);
        CHECK(memcg.event(MemcgEvent::kSwapFail) == memcg.event(MemcgEvent::kSwapMax));
    }
    SECTION("swappiness 0 keeps anonymous memory") {
        const OperationResult result =
            machine.run(machine.engine.reclaim_pages(memcg, Pages{2048}, 0));
        CHECK(result.error() == Errno::kEAGAIN);
        CHECK(memcg.swap.usage() == Pages{0});
    }
    machine.engine.check_invariants();
    machine.engine.exit_task(task);
    CHECK(memcg.swap.usage() == Pages{0});
    machine.engine.check_invariants();
}

TEST_CASE("each profile is found by its name and only by it", "[engine][profile]") {
    for (const Profile& profile : profiles()) {
        CHECK(find_profile(profile.name) == &profile);
    }
    CHECK(find_profile("6.2") == nullptr);
    CHECK(default_profile(Layout::kV2).name == "6.12");
    CHECK(default_profile(Layout::kHybrid).v1_memory);
    CHECK(std::count_if(profiles().begin(), profiles().end(),
                        [](const Profile& profile) { return profile.wmark; }) == 1);
}

}  // namespace
}  // namespace memcgfs::engine
