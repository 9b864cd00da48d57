// SPDX-License-Identifier: MIT
#include "fs_fixture.h"

namespace memcgfs::interface {
namespace {

TEST_CASE("processes come and go without telling", "[interface]") {
    FsFixture machine("6.1", Layout::kHybrid);
    const DirKey v2_root = machine.fs.root(*machine.engine.unified());
    machine.tasks.add(10).comm = "sh";
    machine.tasks.add(20).zombie = true;
    CHECK(machine.read(machine.top, "cgroup.procs") == "10\n");
    CHECK(machine.read(v2_root, "cgroup.procs") == "10\n");

    const DirKey group = machine.mkdir(machine.top, "t");
    REQUIRE(machine.write(group, "cgroup.procs", "10") == kOk);
    const auto* task = machine.engine.find_task_by_pid(10);
    machine.tasks.add(11).css_set = machine.engine.css_set_of(task->groups);
    CHECK(machine.read(group, "cgroup.procs") == "10\n11\n");
    CHECK(machine.read(v2_root, "cgroup.procs") == "10\n11\n");

    machine.tasks.processes[10].comm = "cat";
    machine.tasks.processes[10].oom_score_adj = 7;
    machine.fs.refresh();
    CHECK(machine.engine.find_task_by_pid(10)->info.comm == "cat");
    CHECK(machine.engine.find_task_by_pid(10)->info.oom_score_adj == 7);

    machine.tasks.processes.erase(10);
    CHECK(machine.read(group, "cgroup.procs") == "11\n");
    CHECK(machine.engine.find_task_by_pid(10) == nullptr);
}

TEST_CASE("a tag of a group that has gone means the root", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    machine.tasks.add(10);
    REQUIRE(machine.write(group, "tasks", "10") == kOk);
    const auto tag = machine.engine.css_set_of(machine.engine.find_task_by_pid(10)->groups);
    machine.tasks.processes.clear();
    REQUIRE(machine.rmdir(group).ok());
    machine.tasks.add(11).css_set = tag;
    CHECK(machine.read(machine.top, "tasks") == "11\n");
}

TEST_CASE("a zombie can be moved, which does nothing", "[interface]") {
    for (const Layout layout : {Layout::kV1, Layout::kV2}) {
        FsFixture machine("6.1", layout);
        const DirKey group = machine.mkdir(machine.top, "t");
        machine.tasks.add(10).zombie = true;
        CHECK(machine.write(group, "cgroup.procs", "10") == kOk);
        CHECK(machine.read(group, "cgroup.procs").empty());
        CHECK(machine.rmdir(group).ok());
    }
}

TEST_CASE("v2: a user needs the common ancestor's cgroup.procs", "[interface]") {
    std::vector<DirKey> asked;
    std::vector<DirKey> owned;
    Hooks hooks;
    hooks.may_write = [&](DirKey dir, vfs::FileIndex, const vfs::Credentials& user) {
        CHECK(user.uid == 1000);
        asked.push_back(dir);
        return std::find(owned.begin(), owned.end(), dir) != owned.end();
    };
    FsFixture machine("6.12", Layout::kV2, hooks);
    const DirKey parent = machine.mkdir(machine.top, "p");
    const DirKey a = machine.mkdir(parent, "a");
    const DirKey b = machine.mkdir(parent, "b");
    const DirKey deep = machine.mkdir(b, "deep");
    owned = {parent, a, b, deep};
    machine.tasks.add(10, 1000);
    machine.tasks.add(11, 0);
    REQUIRE(machine.write(a, "cgroup.procs", "11") == kOk);
    CHECK(asked.empty());

    machine.who = {.uid = 1000, .gid = 1000, .pid = 10};
    CHECK(machine.write(a, "cgroup.procs", "0") == "EACCES");
    CHECK(asked == std::vector<DirKey>{machine.top});
    asked.clear();
    // Whose process it is does not matter.
    CHECK(machine.write(deep, "cgroup.procs", "11") == kOk);
    CHECK(asked == std::vector<DirKey>{parent});
    asked.clear();
    CHECK(machine.write(b, "cgroup.procs", "11") == kOk);
    CHECK(asked == std::vector<DirKey>{b});
    CHECK(machine.read(b, "cgroup.procs") == "11\n");
}

TEST_CASE("v2: without a hook only root may migrate", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    machine.tasks.add(10, 1000);
    machine.who.uid = 1000;
    CHECK(machine.write(group, "cgroup.procs", "10") == "EACCES");
    machine.who.uid = 0;
    CHECK(machine.write(group, "cgroup.procs", "10") == kOk);
}

/// /p/a, /p/b and /other; thread 10, in /p, is in a cgroup namespace whose root that is.
struct Delegated {
    Delegated() {
        machine.tasks.add(10);
        REQUIRE(machine.write(p, "cgroup.procs", "10") == kOk);
        machine.tasks.namespace_roots[10] =
            machine.engine.css_set_of(machine.engine.find_task_by_pid(10)->groups);
        machine.who = {.uid = 0, .gid = 0, .pid = 10};
    }
    FsFixture machine{"6.12", Layout::kV2};
    const DirKey p = machine.mkdir(machine.top, "p");
    const DirKey a = machine.mkdir(p, "a");
    const DirKey other = machine.mkdir(machine.top, "other");
};

TEST_CASE("what a cgroup namespace was given is not its to change", "[interface]") {
    Delegated d;
    CHECK(d.machine.write(d.p, "cgroup.max.depth", "3") == "EPERM");
    CHECK(d.machine.write(d.a, "cgroup.max.depth", "3") == kOk);
    CHECK(d.machine.write(d.other, "cgroup.max.depth", "3") == kOk);
    CHECK(d.machine.write(d.p, "cgroup.subtree_control", "+nothing") == "EINVAL");
    d.machine.who.pid = 1;
    CHECK(d.machine.write(d.p, "cgroup.max.depth", "3") == kOk);
    d.machine.who.pid = 10;
    engine::MountFlags flags = d.machine.engine.mount_flags();
    flags.nsdelegate = false;
    d.machine.engine.set_mount_flags(flags);
    CHECK(d.machine.write(d.p, "cgroup.max.depth", "4") == kOk);
}

TEST_CASE("the cgroup namespace at the opening of a file counts", "[interface]") {
    Delegated d;
    REQUIRE(d.machine.write(d.a, "cgroup.procs", "10") == kOk);
    const auto inside = d.machine.context(d.other, "cgroup.procs");
    const auto root = d.machine.tasks.namespace_roots.extract(10);
    CHECK(d.machine.write(inside, "10") == "ENOENT");
    const auto outside = d.machine.context(d.other, "cgroup.procs");
    d.machine.tasks.namespace_roots[10] = root.mapped();
    CHECK(d.machine.write(outside, "10") == kOk);
}

TEST_CASE("nobody moves what his cgroup namespace does not show", "[interface]") {
    Delegated d;
    d.machine.tasks.add(11);
    REQUIRE(d.machine.write(d.a, "cgroup.procs", "10") == kOk);
    CHECK(d.machine.write(d.other, "cgroup.procs", "10") == "ENOENT");
    CHECK(d.machine.write(d.a, "cgroup.procs", "11") == "ENOENT");
    CHECK(d.machine.write(d.p, "cgroup.procs", "10") == kOk);
    d.machine.who.pid = 1;
    CHECK(d.machine.write(d.other, "cgroup.procs", "10") == kOk);
}

}  // namespace
}  // namespace memcgfs::interface
