// SPDX-License-Identifier: MIT
//
// pids.max and what it refuses. As seen on Debian's 6.1 and 6.12, pids_localevents included.
#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;

Cgroup& make_with(EngineFixture& machine, Cgroup& parent, std::string_view name,
                  Controller controller = Controller::kPids) {
    REQUIRE(machine.engine.set_subtree_control(parent, mask_of(controller), 0).ok());
    return machine.make(parent, name);
}

/// p/c, both with the controller; forks are made by members of c.
struct Forks {
    explicit Forks(const char* profile, MountFlags flags = {})
        : machine(profile, Layout::kV2, test::roomy_machine(), {}, nullptr, flags),
          parent(make_with(machine, machine.root(), "p")),
          child(make_with(machine, parent, "c")) {}

    bool fork(const std::vector<CgroupId>& pending = {}) {
        Cgroup* const over = machine.engine.try_charge_pids(child, pending);
        if (over != nullptr) {
            machine.engine.note_refused_fork(child, *over);
        } else {
            machine.add_task(child);
        }
        return over == nullptr;
    }
    std::uint64_t events(const Cgroup& group) const {
        return machine.engine.refused_forks(group).events;
    }
    std::uint64_t local(const Cgroup& group) const {
        return machine.engine.refused_forks(group).local;
    }
    static std::uint64_t peak(const Cgroup& group) {
        return group.states.get<&ControllerStates::pids>().peak;
    }
    std::size_t announced(const Cgroup& group, NotifyFile file) const {
        return static_cast<std::size_t>(std::count_if(
            machine.sink.modified.begin(), machine.sink.modified.end(),
            [&](const auto& effect) { return effect.cgroup == group.id && effect.file == file; }));
    }

    EngineFixture machine;
    Cgroup& parent;
    Cgroup& child;
};

TEST_CASE("who has ended and is not waited for takes room", "[engine][pids]") {
    Forks forks("6.12");
    Engine& engine = forks.machine.engine;
    const TaskId task = forks.machine.add_task(forks.child);
    const std::uint32_t here = engine.css_set_of(engine.find(task)->groups);
    engine.exit_task(task);
    CHECK(engine.pids_current(forks.child) == 0);
    engine.set_zombies(std::vector{here, here, std::uint32_t{0}});
    CHECK(engine.pids_current(forks.child) == 2);
    CHECK(engine.pids_current(forks.parent) == 2);
    CHECK(!forks.child.populated());
    engine.set_pids_max(forks.parent, 3);
    CHECK(forks.fork());
    CHECK(!forks.fork());
    engine.set_zombies(std::vector{here});
    CHECK(forks.fork());
    engine.set_zombies({});
    CHECK(engine.pids_current(forks.child) == 2);
}

TEST_CASE("a fork is refused at the limit, and again possible below it", "[engine][pids]") {
    Forks forks("6.12");
    CHECK(!forks.machine.engine.limits_pids());
    forks.machine.engine.set_pids_max(forks.child, 2);
    CHECK(forks.machine.engine.limits_pids());
    CHECK(forks.fork());
    CHECK(forks.fork());
    CHECK(!forks.fork());
    forks.machine.engine.set_pids_max(forks.child, 3);
    CHECK(forks.fork());
    CHECK(forks.machine.engine.pids_current(forks.parent) == 3);
}

TEST_CASE("forks that are granted and not there yet count", "[engine][pids]") {
    Forks forks("6.12");
    Cgroup& sibling = forks.machine.make(forks.parent, "d");
    forks.machine.engine.set_pids_max(forks.parent, 2);
    CHECK(forks.machine.engine.try_charge_pids(forks.child, std::vector{sibling.id}) == nullptr);
    CHECK(forks.machine.engine.try_charge_pids(
              forks.child, std::vector{sibling.id, forks.child.id}) == &forks.parent);
    // Elsewhere, or nowhere any more.
    const CgroupId gone = sibling.id;
    REQUIRE(forks.machine.engine.remove_cgroup(gone).ok());
    CHECK(forks.machine.engine.try_charge_pids(
              forks.child, std::vector{gone, forks.machine.root().id}) == nullptr);
}

TEST_CASE("6.12 counts refusals where the limit is, and above", "[engine][pids]") {
    Forks forks("6.12");
    forks.machine.engine.set_pids_max(forks.parent, 1);
    CHECK(forks.fork());
    CHECK(!forks.fork());
    CHECK(forks.events(forks.parent) == 1);
    CHECK(forks.local(forks.parent) == 1);
    CHECK(forks.events(forks.child) == 0);
    forks.machine.engine.set_pids_max(forks.child, 1);
    CHECK(!forks.fork());
    CHECK(forks.events(forks.parent) == 2);
    CHECK(forks.local(forks.parent) == 1);
    CHECK(forks.events(forks.child) == 1);
    CHECK(forks.local(forks.child) == 1);
    CHECK(forks.announced(forks.child, NotifyFile::kPidsEvents) == 1);
    CHECK(forks.announced(forks.child, NotifyFile::kPidsEventsLocal) == 1);
    CHECK(forks.announced(forks.parent, NotifyFile::kPidsEventsLocal) == 1);
}

TEST_CASE("6.1, and pids_localevents, count refusals where the fork was", "[engine][pids]") {
    MountFlags flags;
    flags.pids_localevents = true;
    const auto check = [](Forks& forks) {
        forks.machine.engine.set_pids_max(forks.parent, 1);
        CHECK(forks.fork());
        CHECK(!forks.fork());
        CHECK(!forks.fork());
        CHECK(forks.events(forks.parent) == 0);
        CHECK(forks.events(forks.child) == 2);
        CHECK(forks.local(forks.child) == 2);
        CHECK(forks.announced(forks.child, NotifyFile::kPidsEvents) == 1);
    };
    Forks old("6.1");
    check(old);
    Forks local("6.12", flags);
    check(local);
}

TEST_CASE("the peak has what was charged below the limit that refused", "[engine][pids]") {
    Forks forks("6.1");
    forks.machine.engine.set_pids_max(forks.parent, 2);
    CHECK(forks.fork());
    CHECK(forks.fork());
    CHECK(!forks.fork());
    CHECK(forks.peak(forks.child) == 3);
    CHECK(forks.peak(forks.parent) == 2);
}

TEST_CASE("the kernel log tells of a group's first refused fork", "[engine][pids]") {
    Forks forks("6.1");
    forks.machine.engine.set_pids_max(forks.parent, 0);
    CHECK(!forks.fork());
    CHECK(!forks.fork());
    CHECK(forks.machine.sink.log ==
          std::vector<std::string>{"cgroup: fork rejected by pids controller in /p/c"});
}

TEST_CASE("members of a group without the controller count above", "[engine][pids]") {
    Forks forks("6.12");
    Cgroup& below = forks.machine.make(forks.child, "plain");
    forks.machine.engine.set_pids_max(forks.child, 0);
    Cgroup* const over = forks.machine.engine.try_charge_pids(below, {});
    REQUIRE(over == &forks.child);
    forks.machine.engine.note_refused_fork(below, *over);
    CHECK(forks.events(forks.child) == 1);
}

TEST_CASE("who may be forked into a group", "[engine][pids]") {
    Forks forks("6.12");
    CHECK(forks.machine.engine.may_fork_into(forks.child.id).ok());
    REQUIRE(forks.machine.engine.set_subtree_control(forks.parent, mask_of(Controller::kMemory), 0)
                .error() == Errno::kENOENT);
    Cgroup& inner = make_with(forks.machine, forks.machine.root(), "inner", Controller::kMemory);
    make_with(forks.machine, inner, "leaf", Controller::kMemory);
    CHECK(forks.machine.engine.may_fork_into(inner.id).error() == Errno::kEBUSY);
    const CgroupId gone = forks.child.id;
    REQUIRE(forks.machine.engine.remove_cgroup(gone).ok());
    CHECK(forks.machine.engine.may_fork_into(gone).error() == Errno::kENODEV);
    EngineFixture v1("6.1", Layout::kV1);
    CHECK(v1.engine.may_fork_into(v1.root().id).error() == Errno::kEBADF);
}

}  // namespace
}  // namespace memcgfs::engine
