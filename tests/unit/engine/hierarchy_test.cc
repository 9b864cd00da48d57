// SPDX-License-Identifier: MIT
//
// Hierarchies that come and go (cgroup1_root_to_use, rebind_subsystems, cgroup_kill_sb; 6.1).
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

HierarchySpec of(ControllerMask controllers, std::string name = {}) {
    return {.controllers = controllers, .name = std::move(name)};
}

constexpr ControllerMask kMemory = mask_of(Controller::kMemory);
constexpr ControllerMask kCpu = mask_of(Controller::kCpu);
constexpr ControllerMask kPids = mask_of(Controller::kPids);

const Hierarchy& mount(Engine& engine, const HierarchySpec& spec) {
    const auto mounted = engine.mount_v1(spec, spec.controllers == 0);
    REQUIRE(mounted.ok());
    return **mounted;
}

TEST_CASE("v1 takes a controller from v2 and gives it back", "[engine][hierarchy]") {
    EngineFixture machine("6.1", Layout::kV2);
    Engine& engine = machine.engine;
    const TaskId task = machine.add_task(*engine.unified()->root);
    const Hierarchy& both = mount(engine, of(kMemory | kPids));
    CHECK(both.number == 1);
    CHECK(&engine.memory_hierarchy() == &both);
    CHECK(both.root->memcg == &engine.root_memcg());
    CHECK(engine.unified()->root->memcg == nullptr);
    CHECK(!engine.unified()->has(Controller::kPids));
    CHECK(engine.unified()->has(Controller::kCpu));
    CHECK(engine.find(task)->groups.in(both.id) == both.root->id);

    // It works as any v1 hierarchy.
    Cgroup& group = machine.make(*both.root, "a");
    REQUIRE(engine.attach_task(task, group.id).ok());
    REQUIRE(machine.anon(task, mib(8).count()).ok());
    CHECK(group.memcg->memory.usage() >= mib(8));
    CHECK(group.memcg->memsw.usage() == group.memcg->memory.usage());
    engine.check_invariants();

    // Groups keep it alive.
    engine.unmounted(both.id);
    CHECK(&mount(engine, of(kMemory | kPids)) == &both);
    engine.exit_task(task);
    REQUIRE(engine.remove_cgroup(group.id).ok());
    engine.unmounted(both.id);
    CHECK(both.root == nullptr);
    CHECK(engine.memory_hierarchy().is_v2());
    CHECK(engine.unified()->root->memcg == &engine.root_memcg());
    CHECK(engine.unified()->has(Controller::kPids));
    CHECK(mount(engine, of(kMemory)).number == 2);
    engine.check_invariants();
}

TEST_CASE("a controller is in one hierarchy", "[engine][hierarchy]") {
    EngineFixture machine("6.1", Layout::kV1);
    Engine& engine = machine.engine;
    CHECK(engine.mount_v1(of(kMemory | kCpu), false).error() == Errno::kEBUSY);
    CHECK(engine.mount_v1(of(kMemory), false).ok());
    const Hierarchy& named = mount(engine, of(kCpu, "x"));
    CHECK(&mount(engine, of(kCpu)) == &named);  // a name need not be said
    CHECK(engine.mount_v1(of(0, "x"), false).value() == &named);
    CHECK(engine.mount_v1(of(kPids, "x"), false).error() == Errno::kEBUSY);
    CHECK(engine.mount_v1(of(0, "y"), false).error() == Errno::kEINVAL);
    CHECK(engine.mount_v1(of(0, "y"), true).ok());
    CHECK(engine.unified() == nullptr);
    CHECK(!engine.mount_v2().has(Controller::kMemory));
    CHECK(engine.unified() == &engine.default_hierarchy());
}

TEST_CASE("v2 keeps what its groups have", "[engine][hierarchy]") {
    EngineFixture machine("6.1", Layout::kV2);
    Engine& engine = machine.engine;
    Cgroup& root = *engine.unified()->root;
    Cgroup& group = machine.make_memory(root, "a");
    CHECK(engine.mount_v1(of(kMemory), false).error() == Errno::kEBUSY);
    CHECK(engine.mount_v1(of(kCpu), false).ok());
    // A removed group that holds charges is in the way, too.
    const TaskId task = machine.add_task(group);
    const MappingId file = engine.create_mapping(task, PageKind::kFile, mib(1));
    REQUIRE(machine.read_file(task, file, mib(1).count()).ok());
    REQUIRE(engine.attach_task(task, root.id).ok());
    REQUIRE(engine.remove_cgroup(group.id).ok());
    CHECK(engine.mount_v1(of(kMemory), false).error() == Errno::kEBUSY);
}

TEST_CASE("a set of groups keeps its number while hierarchies come and go", "[engine][hierarchy]") {
    EngineFixture machine("6.1", Layout::kV2);
    Engine& engine = machine.engine;
    Cgroup& group = machine.make(*engine.unified()->root, "a");
    const TaskId task = machine.add_task(group);
    const std::uint32_t number = engine.css_set_of(engine.find(task)->groups);
    const Hierarchy& named = mount(engine, of(0, "x"));
    CHECK(engine.css_set_of(engine.find(task)->groups) == number);
    CHECK(engine.css_set(number).in(named.id) == named.root->id);
    Cgroup& other = machine.make(*named.root, "b");
    REQUIRE(engine.attach_task(task, other.id).ok());
    const std::uint32_t both = engine.css_set_of(engine.find(task)->groups);
    CHECK(both != number);
    REQUIRE(engine.attach_task(task, named.root->id).ok());
    REQUIRE(engine.remove_cgroup(other.id).ok());
    engine.unmounted(named.id);
    CHECK(engine.css_set_of(engine.find(task)->groups) == number);
    CHECK(engine.css_set(both).in(engine.unified()->id) == group.id);
}

}  // namespace
}  // namespace memcgfs::engine
