// SPDX-License-Identifier: MIT
#include "fs_fixture.h"

namespace memcgfs::interface {
namespace {

using namespace std::string_literals;

TEST_CASE("v1: core files of a fresh group and of the root", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK(machine.read(group, "cgroup.procs").empty());
    CHECK(machine.read(group, "tasks").empty());
    CHECK(machine.read(group, "cgroup.clone_children") == "0\n");
    CHECK(machine.read(group, "notify_on_release") == "0\n");
    CHECK(machine.read(machine.top, "cgroup.sane_behavior") == "0\n");
    CHECK(machine.read(machine.top, "release_agent") == "\n");
    CHECK_FALSE(machine.has(group, "cgroup.sane_behavior"));
    CHECK_FALSE(machine.has(group, "release_agent"));
    CHECK(machine.mode(machine.top, "cgroup.sane_behavior") == "0444");
    CHECK(machine.mode(machine.top, "release_agent") == "0644");
    CHECK(machine.mode(group, "tasks") == "0644");
    CHECK(machine.write(machine.top, "cgroup.sane_behavior", "1") == "EINVAL");
}

TEST_CASE("v1: flags take any u64 and are copied by children", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    for (const auto* file : {"notify_on_release", "cgroup.clone_children"}) {
        check_writes(machine, group, file,
                     {
                         {"1", "ok", "1\n"},
                         {"0\n", "ok", "0\n"},
                         {"7", "ok", "1\n"},
                         {" 0", "EINVAL", "1\n"},
                         {"x", "EINVAL", "1\n"},
                         {"18446744073709551616", "ERANGE", "1\n"},
                     });
        CHECK(machine.read(machine.mkdir(group, "c-"s + file), file) == "1\n");
    }
}

TEST_CASE("v1: release_agent is the administrator's", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    CHECK(machine.write(machine.top, "release_agent", " /sbin/agent \n") == kOk);
    CHECK(machine.read(machine.top, "release_agent") == "/sbin/agent\n");
    CHECK(machine.info(machine.top, "release_agent")->write_max_bytes == 4095);
    machine.who.uid = 1000;
    CHECK(machine.write(machine.top, "release_agent", "\n") == "EPERM");
    machine.who.uid = 0;
    CHECK(machine.write(machine.top, "release_agent", "\n") == kOk);
    CHECK(machine.read(machine.top, "release_agent") == "\n");
}

TEST_CASE("v1: members are listed in order of their numbers", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    for (const int pid : {30, 4, 100}) {
        machine.tasks.add(pid);
        CHECK(machine.write(group, "cgroup.procs", std::to_string(pid)) == kOk);
    }
    CHECK(machine.read(group, "cgroup.procs") == "4\n30\n100\n");
    CHECK(machine.read(group, "tasks") == "4\n30\n100\n");
    CHECK(machine.info(group, "cgroup.procs")->line_list);
}

TEST_CASE("v1: pids that cannot be", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    machine.tasks.add(2).kernel_thread = true;
    for (const auto* file : {"cgroup.procs", "tasks"}) {
        for (const auto* text :
             {"0x", "-1", " ", "\n", "x", "1 2", "2147483648", "4294967296", "2"}) {
            INFO(file << " <- " << text);
            CHECK(machine.write(group, file, text) == "EINVAL");
        }
        CHECK(machine.write(group, file, "999999") == "ESRCH");
    }
}

TEST_CASE("v1: one may move one's own processes", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    machine.tasks.add(10, 1000);
    machine.tasks.add(11, 0);
    machine.tasks.add(12, 0).saved_uid = 1000;
    machine.who = {.uid = 1000, .gid = 1000, .pid = 10};
    CHECK(machine.write(group, "cgroup.procs", "11") == "EACCES");
    CHECK(machine.write(group, "cgroup.procs", "0") == kOk);
    CHECK(machine.write(group, "tasks", "12") == kOk);
    CHECK(machine.read(group, "cgroup.procs") == "10\n12\n");
}

}  // namespace
}  // namespace memcgfs::interface
