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

TEST_CASE("v1: the first thread alone takes the memory along", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey a = machine.mkdir(machine.top, "a");
    const DirKey b = machine.mkdir(machine.top, "b");
    machine.tasks.add(10);
    machine.tasks.add_thread(12, 10);
    machine.tasks.add_thread(13, 10);
    REQUIRE(machine.write(a, "cgroup.procs", "10") == kOk);
    CHECK(machine.write(b, "tasks", "10") == kOk);
    CHECK(machine.read(a, "tasks") == "12\n13\n");
    CHECK(machine.read(a, "cgroup.procs") == "10\n");
    CHECK(machine.read(b, "tasks") == "10\n");
    const engine::Task& process = *machine.engine.find_task_by_pid(10);
    CHECK(process.groups.in(machine.engine.memory_hierarchy().id).value ==
          static_cast<std::uint64_t>(b));
    CHECK(process.info.threads == 1);
    machine.engine.check_invariants();

    CHECK(machine.write(b, "tasks", "13") == kOk);
    CHECK(machine.engine.find_thread(10, 13) == nullptr);
    CHECK(process.info.threads == 2);
    CHECK(machine.write(a, "cgroup.procs", "12") == kOk);
    CHECK(machine.engine.threads_apart().empty());
    CHECK(machine.read(a, "tasks") == "10\n12\n13\n");
    CHECK(machine.read(b, "tasks").empty());
    CHECK(machine.rmdir(b).ok());
    machine.engine.check_invariants();
}

TEST_CASE("v1: a process's threads end with it, and its number may pass on", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey a = machine.mkdir(machine.top, "a");
    machine.tasks.add(10);
    machine.tasks.add_thread(12, 10);
    REQUIRE(machine.write(a, "tasks", "12") == kOk);
    CHECK(machine.read(a, "cgroup.procs") == "10\n");
    machine.tasks.processes.clear();
    machine.tasks.threads.clear();
    machine.tasks.add(12);  // a process now
    CHECK(machine.read(a, "tasks").empty());
    CHECK(machine.engine.threads_apart().empty());
    CHECK(machine.write(a, "tasks", "12") == kOk);
    CHECK(machine.read(a, "cgroup.procs") == "12\n");
    machine.engine.check_invariants();
}

}  // namespace
}  // namespace memcgfs::interface
