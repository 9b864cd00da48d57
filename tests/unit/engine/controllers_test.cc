// SPDX-License-Identifier: MIT
#include "memcgfs/engine/controllers.h"

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;

TEST_CASE("lists of numbers", "[engine][controllers]") {
    const auto text = [](std::string_view list) {
        const auto set = IdSet::parse(list, 8);
        return set.ok() ? set->text() : std::string("?");
    };
    CHECK(text("3,0-1") == "0-1,3");
    CHECK(text("0-7:1/4") == "0,4");
    CHECK(text("all") == "0-7");
    CHECK(text("").empty());
    CHECK(text("5-8") == "?");
    CHECK(text("2-1") == "?");
    CHECK(IdSet::parse("8", 8).error() == Errno::kERANGE);
    CHECK(IdSet::parse("x", 8).error() == Errno::kEINVAL);
    CHECK((*IdSet::parse("0-3", 8) - *IdSet::parse("1", 8)).text() == "0,2-3");
}

TEST_CASE("members are counted with those below", "[engine][controllers]") {
    EngineFixture machine("6.12", Layout::kV2);
    Cgroup& parent = machine.make(machine.root(), "p");
    Cgroup& child = machine.make(parent, "c");
    machine.add_task(child);
    CHECK(machine.engine.pids_current(parent) == 1);
    const TaskId second = machine.add_task(machine.root());
    REQUIRE(machine.engine.attach_task(second, child.id).ok());
    CHECK(machine.engine.pids_current(parent) == 2);
    REQUIRE(machine.engine.attach_task(second, machine.root().id).ok());
    CHECK(machine.engine.pids_current(parent) == 1);
    CHECK(parent.states.get<&ControllerStates::pids>().peak == 2);
}

TEST_CASE("a controller that is taken away forgets", "[engine][controllers]") {
    EngineFixture machine("6.12", Layout::kV2);
    const auto pids = mask_of(Controller::kPids);
    REQUIRE(machine.engine.set_subtree_control(machine.root(), pids, 0).ok());
    Cgroup& group = machine.make(machine.root(), "g");
    group.states.set<&ControllerStates::pids>().max = 5;
    REQUIRE(machine.engine.set_subtree_control(machine.root(), 0, pids).ok());
    CHECK(group.states.find<&ControllerStates::pids>() == nullptr);
}

}  // namespace
}  // namespace memcgfs::engine
