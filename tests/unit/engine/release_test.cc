// SPDX-License-Identifier: MIT
//
// Release agents. As seen on Debian's 6.1.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using Lines = std::vector<std::string>;

/// a/b and c; b wants to be told of.
struct Released {
    Released() : a(machine.make(machine.root(), "a")), b(machine.make(a, "b")) {
        machine.engine.set_release_agent(machine.root(), "/bin/agent");
        machine.engine.set_notify_on_release(b, true);
    }
    Lines take() { return std::exchange(machine.sink.released, {}); }

    EngineFixture machine{"6.1", Layout::kV1};
    Cgroup& a;
    Cgroup& b;
};

TEST_CASE("the last member's end is told to the release agent", "[engine][release]") {
    Released released;
    const TaskId one = released.machine.add_task(released.b);
    const TaskId other = released.machine.add_task(released.b);
    released.machine.engine.exit_task(one);
    CHECK(released.take().empty());
    SECTION("it exits") { released.machine.engine.exit_task(other); }
    SECTION("it goes elsewhere") {
        REQUIRE(released.machine.engine.attach_task(other, released.a.id).ok());
    }
    CHECK(released.take() == Lines{"/bin/agent /a/b"});
}

TEST_CASE("a child's removal may leave a group empty", "[engine][release]") {
    Released released;
    released.machine.engine.set_notify_on_release(released.a, true);
    released.machine.engine.exit_task(released.machine.add_task(released.b));
    CHECK(released.take() == Lines{"/bin/agent /a/b"});  // a has a child
    const TaskId member = released.machine.add_task(released.a);
    REQUIRE(released.machine.engine.remove_cgroup(released.b.id).ok());
    CHECK(released.take().empty());
    released.machine.engine.exit_task(member);
    CHECK(released.take() == Lines{"/bin/agent /a"});
    Cgroup& c = released.machine.make(released.a, "c");
    REQUIRE(c.notify_on_release);
    REQUIRE(released.machine.engine.remove_cgroup(c.id).ok());
    CHECK(released.take() == Lines{"/bin/agent /a"});
}

TEST_CASE("nobody is told without the flag or an agent", "[engine][release]") {
    Released released;
    SECTION("no flag") { released.machine.engine.set_notify_on_release(released.b, false); }
    SECTION("no agent") { released.machine.engine.set_release_agent(released.machine.root(), ""); }
    released.machine.engine.exit_task(released.machine.add_task(released.b));
    CHECK(released.take().empty());
    CHECK(released.machine.engine.awaited_members().empty());
}

TEST_CASE("members whose end matters are known", "[engine][release]") {
    Released released;
    const int before = released.machine.sink.awaits;
    const TaskId member = released.machine.add_task(released.b);
    CHECK(released.machine.sink.awaits == before + 1);
    const std::int32_t pid = released.machine.engine.find(member)->info.pid;
    CHECK(released.machine.engine.awaited_members() == std::vector{pid});
    released.machine.add_task(released.a);
    CHECK(released.machine.sink.awaits == before + 1);
    released.machine.engine.set_notify_on_release(released.a, true);
    CHECK(released.machine.sink.awaits == before + 2);
    CHECK(released.machine.engine.awaited_members().size() == 2);
}

}  // namespace
}  // namespace memcgfs::engine
