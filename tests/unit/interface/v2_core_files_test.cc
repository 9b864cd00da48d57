// SPDX-License-Identifier: MIT
#include "fs_fixture.h"

namespace memcgfs::interface {
namespace {

using namespace std::string_literals;

TEST_CASE("v2: core files of a fresh group", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    const std::string zero_pressure =
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
    const std::vector<std::array<std::string, 3>> expected = {
        {"cgroup.type", "0644", "domain\n"},
        {"cgroup.procs", "0644", ""},
        {"cgroup.threads", "0644", ""},
        {"cgroup.controllers", "0444", ""},
        {"cgroup.subtree_control", "0644", ""},
        {"cgroup.events", "0444", "populated 0\nfrozen 0\n"},
        {"cgroup.max.descendants", "0644", "max\n"},
        {"cgroup.max.depth", "0644", "max\n"},
        {"cgroup.freeze", "0644", "0\n"},
        {"cgroup.kill", "0200", "EINVAL"},
        {"cpu.stat", "0444", "usage_usec 0\nuser_usec 0\nsystem_usec 0\nnice_usec 0\n"},
        {"cpu.stat.local", "0444", ""},
        {"io.pressure", "0644", zero_pressure},
        {"memory.pressure", "0644", zero_pressure},
        {"cpu.pressure", "0644", zero_pressure},
        {"cgroup.pressure", "0644", "1\n"},
    };
    for (const auto& [name, mode, contents] : expected) {
        INFO(name);
        CHECK(machine.mode(group, name) == mode);
        CHECK(machine.read(group, name) == contents);
    }
}

TEST_CASE("v2: core files of the root", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    for (const auto* name : {"cgroup.type", "cgroup.events", "cgroup.freeze", "cgroup.kill"}) {
        CHECK_FALSE(machine.has(machine.top, name));
    }
    CHECK(machine.read(machine.top, "cgroup.controllers") ==
          "cpuset cpu io memory hugetlb pids rdma misc\n");
    CHECK(machine.read(machine.top, "cgroup.stat").size() == 420);
    CHECK(machine.read(machine.top, "cpu.stat") ==
          "usage_usec 0\nuser_usec 0\nsystem_usec 0\nnice_usec 0\nnr_periods 0\nnr_throttled 0\n"
          "throttled_usec 0\nnr_bursts 0\nburst_usec 0\n");
    CHECK(machine.read(machine.top, "cpu.stat.local") == "throttled_usec 0\n");
}

TEST_CASE("v2: files by version", "[interface]") {
    FsFixture older("6.1", Layout::kV2);
    const DirKey group = older.mkdir(older.top, "t");
    CHECK_FALSE(older.has(group, "cpu.stat.local"));
    CHECK(older.read(group, "cpu.stat") == "usage_usec 0\nuser_usec 0\nsystem_usec 0\n");
    CHECK(older.read(group, "cgroup.stat") == "nr_descendants 0\nnr_dying_descendants 0\n");

    FsFixture oldest("alinux2", Layout::kV2);
    const DirKey old_group = oldest.mkdir(oldest.top, "t");
    CHECK(oldest.read(oldest.top, "cgroup.controllers") == "cpu io memory pids rdma\n");
    CHECK(oldest.read(old_group, "cgroup.events") == "populated 0\n");
    for (const auto* name :
         {"cgroup.freeze", "cgroup.kill", "memory.pressure", "cgroup.pressure"}) {
        CHECK_FALSE(oldest.has(old_group, name));
    }
    CHECK_FALSE(oldest.has(oldest.top, "cpu.stat"));
    CHECK(oldest.has(old_group, "cpu.stat"));
}

TEST_CASE("v2: a group becomes threaded, and its parent their domain", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey parent = machine.mkdir(machine.top, "p");
    const DirKey group = machine.mkdir(parent, "t");
    const DirKey sibling = machine.mkdir(parent, "s");
    check_writes(machine, group, "cgroup.type",
                 {{"domain", "EINVAL", "domain\n"},
                  {"Threaded", "EINVAL", "domain\n"},
                  {"threaded\n", "ok", "threaded\n"},
                  {"threaded", "ok", "threaded\n"}});
    CHECK(machine.read(parent, "cgroup.type") == "domain threaded\n");
    CHECK(machine.read(sibling, "cgroup.type") == "domain invalid\n");
    machine.tasks.add(10);
    CHECK(machine.write(sibling, "cgroup.procs", "10") == "EOPNOTSUPP");
    CHECK(machine.write(group, "cgroup.procs", "10") == kOk);
    CHECK(machine.read(parent, "cgroup.procs") == "10\n");
}

TEST_CASE("v2: subtree_control as a real kernel answered", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    check_writes(machine, machine.top, "cgroup.subtree_control",
                 {
                     {"+memory", "ok", "memory\n"},
                     {"-memory", "ok", ""},
                     {"memory", "EINVAL", ""},
                     {"+memory +memory", "ok", "memory\n"},
                     {"+memory -memory", "ok", ""},
                     {"-memory +memory", "ok", "memory\n"},
                     {"+Memory", "EINVAL", "memory\n"},
                     {"+foo", "EINVAL", "memory\n"},
                     {"-memory +foo", "EINVAL", "memory\n"},
                     {"++memory", "EINVAL", "memory\n"},
                     {"+ memory", "EINVAL", "memory\n"},
                     {"+", "EINVAL", "memory\n"},
                     {" ", "ok", "memory\n"},
                     {"-memory,+io", "EINVAL", "memory\n"},
                     {"-memory\n+io", "EINVAL", "memory\n"},
                     {"+perf_event", "ENOENT", "memory\n"},
                     {"-perf_event", "ok", "memory\n"},
                     {"  +io  \n", "ok", "io memory\n"},
                     {"-io", "ok", "memory\n"},
                 });
    const DirKey parent = machine.mkdir(machine.top, "p");
    const DirKey child = machine.mkdir(parent, "c");
    CHECK(machine.read(child, "cgroup.controllers").empty());
    CHECK(machine.write(child, "cgroup.subtree_control", "+memory") == "ENOENT");
    CHECK(machine.write(parent, "cgroup.subtree_control", "+memory") == kOk);
    CHECK(machine.read(child, "cgroup.controllers") == "memory\n");
    CHECK(machine.write(machine.top, "cgroup.subtree_control", "-memory") == "EBUSY");
    CHECK(machine.write(parent, "cgroup.subtree_control", "-memory") == kOk);
    CHECK(machine.write(machine.top, "cgroup.subtree_control", "-memory") == kOk);
}

TEST_CASE("v2: memory cannot be handed out past members", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    machine.tasks.add(10);
    REQUIRE(machine.write(group, "cgroup.procs", "10") == kOk);
    CHECK(machine.write(group, "cgroup.subtree_control", "+memory") == "EBUSY");
    machine.tasks.processes.clear();
    // The process has exited without telling.
    CHECK(machine.write(group, "cgroup.subtree_control", "+memory") == kOk);
    machine.tasks.add(11);
    CHECK(machine.write(group, "cgroup.procs", "11") == "EBUSY");
}

TEST_CASE("v2: a hybrid layout has no memory controller", "[interface]") {
    FsFixture machine("6.1", Layout::kHybrid);
    const DirKey root = machine.fs.root(*machine.engine.unified());
    CHECK(machine.read(root, "cgroup.controllers") == "cpuset cpu io hugetlb pids rdma misc\n");
    CHECK(machine.write(root, "cgroup.subtree_control", "+memory") == "ENOENT");
    CHECK_FALSE(machine.has(root, "memory.stat"));
    CHECK_FALSE(machine.has(machine.mkdir(root, "t"), "memory.max"));
}

TEST_CASE("v2: limits on the tree", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    for (const auto* file : {"cgroup.max.depth", "cgroup.max.descendants"}) {
        check_writes(machine, group, file,
                     {
                         {"0", "ok", "0\n"},
                         {"10", "ok", "10\n"},
                         {"-1", "ERANGE", "10\n"},
                         {"max", "ok", "max\n"},
                         {"Max", "EINVAL", "max\n"},
                         {"5 ", "ok", "5\n"},
                         {" max ", "ok", "max\n"},
                         {"maxx", "EINVAL", "max\n"},
                         {"1K", "EINVAL", "max\n"},
                         {"\n", "EINVAL", "max\n"},
                         {"0x5", "ok", "5\n"},
                         {"010", "ok", "8\n"},
                         {"2147483647", "ok", "max\n"},
                         {"+3", "ok", "3\n"},
                         {"2147483648", "ERANGE", "3\n"},
                     });
    }
    REQUIRE(machine.write(group, "cgroup.max.descendants", "max") == kOk);
    REQUIRE(machine.write(group, "cgroup.max.depth", "1") == kOk);
    const DirKey child = machine.mkdir(group, "a");
    const auto too_deep = machine.fs.mkdir(child, "b", {});
    REQUIRE_FALSE(too_deep.ok());
    CHECK(too_deep.error() == Errno::kEAGAIN);
}

TEST_CASE("v2: cgroup.stat counts groups, and controllers from 6.12 on", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    machine.mkdir(group, "c");
    const std::string text = machine.read(machine.top, "cgroup.stat");
    CHECK(text.starts_with(
        "nr_descendants 2\nnr_subsys_cpuset 1\nnr_subsys_cpu 1\nnr_subsys_io 1\n"
        "nr_subsys_memory 2\nnr_subsys_perf_event 3\nnr_subsys_hugetlb 1\nnr_subsys_pids 1\n"
        "nr_subsys_rdma 1\nnr_subsys_misc 1\nnr_dying_descendants 0\nnr_dying_subsys_cpuset 0\n"));
    CHECK(machine.read(group, "cgroup.stat").find("nr_subsys_io 0\n") != std::string::npos);
}

TEST_CASE("v2: members, populated and the order of joining", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    for (const int pid : {30, 4, 100}) {
        machine.tasks.add(pid);
        CHECK(machine.write(group, "cgroup.procs", std::to_string(pid)) == kOk);
    }
    CHECK(machine.write(group, "cgroup.procs", "30") == kOk);
    CHECK(machine.read(group, "cgroup.procs") == "30\n4\n100\n");
    CHECK(machine.read(group, "cgroup.events") == "populated 1\nfrozen 0\n");
    machine.tasks.processes.clear();
    CHECK(machine.read(group, "cgroup.events") == "populated 0\nfrozen 0\n");
    CHECK(machine.read(group, "cgroup.threads").empty());
}

TEST_CASE("v2: who has ended is no member, and counts for pids alone", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    CHECK(machine.write(machine.top, "cgroup.subtree_control", "+pids") == kOk);
    const DirKey group = machine.mkdir(machine.top, "t");
    for (const int pid : {10, 11}) {
        machine.tasks.add(pid);
        REQUIRE(machine.write(group, "cgroup.procs", std::to_string(pid)) == kOk);
        machine.tasks.processes[pid].css_set =
            machine.engine.css_set_of(machine.engine.find_task_by_pid(pid)->groups);
    }
    machine.tasks.processes[10].zombie = true;
    CHECK(machine.read(group, "cgroup.procs") == "11\n");
    CHECK(machine.read(group, "pids.current") == "2\n");
    machine.tasks.processes[11].zombie = true;
    CHECK(machine.read(group, "cgroup.events") == "populated 0\nfrozen 0\n");
    CHECK(machine.read(group, "pids.current") == "2\n");
    machine.tasks.processes.clear();
    CHECK(machine.read(group, "pids.current") == "0\n");
}

TEST_CASE("v2: cgroup.threads lists the threads of each process", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "g");
    for (const int pid : {30, 20}) {
        machine.tasks.add(pid);
        REQUIRE(machine.write(group, "cgroup.procs", std::to_string(pid)) == kOk);
    }
    machine.tasks.add_thread(31, 30);
    machine.tasks.add_thread(25, 30);
    CHECK(machine.read(group, "cgroup.threads") == "30\n25\n31\n20\n");
    CHECK(machine.read(group, "cgroup.procs") == "30\n20\n");
    machine.tasks.end_thread(31);
    CHECK(machine.read(group, "cgroup.threads") == "30\n25\n20\n");
}

TEST_CASE("v2: a thread has a place of its own in its process's domain", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey domain = machine.mkdir(machine.top, "d");
    const DirKey threads = machine.mkdir(domain, "t");
    REQUIRE(machine.write(threads, "cgroup.type", "threaded") == kOk);
    machine.tasks.add(10);
    machine.tasks.add_thread(12, 10);
    machine.tasks.add_thread(13, 10);
    REQUIRE(machine.write(domain, "cgroup.procs", "10") == kOk);
    CHECK(machine.write(threads, "cgroup.threads", "12") == kOk);
    CHECK(machine.read(domain, "cgroup.threads") == "10\n13\n");
    CHECK(machine.read(threads, "cgroup.threads") == "12\n");
    CHECK(machine.read(domain, "cgroup.procs") == "10\n");
    CHECK(machine.rmdir(threads).error() == Errno::kEBUSY);
    machine.engine.check_invariants();
    machine.tasks.end_thread(12);
    CHECK(machine.read(threads, "cgroup.events") == "populated 0\nfrozen 0\n");
    machine.engine.check_invariants();
}

TEST_CASE("v2: a process stops while one of its threads is frozen", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey domain = machine.mkdir(machine.top, "d");
    const DirKey threads = machine.mkdir(domain, "t");
    REQUIRE(machine.write(threads, "cgroup.type", "threaded") == kOk);
    machine.tasks.add(10);
    machine.tasks.add_thread(12, 10);
    REQUIRE(machine.write(domain, "cgroup.procs", "10") == kOk);
    REQUIRE(machine.write(threads, "cgroup.threads", "12") == kOk);
    CHECK(machine.write(threads, "cgroup.freeze", "1") == kOk);
    CHECK(machine.engine.find_thread(10, 12) != nullptr);
    CHECK(machine.write(domain, "cgroup.kill", "1") == kOk);
    CHECK(machine.sink.killed == std::vector<std::int32_t>{10});
    CHECK(machine.engine.find_thread(10, 12) == nullptr);
    machine.engine.check_invariants();
}

TEST_CASE("v2: freeze and kill", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    check_writes(machine, group, "cgroup.freeze",
                 {
                     {"1", "ok", "1\n"},
                     {"2", "ERANGE", "1\n"},
                     {"-1", "ERANGE", "1\n"},
                     {"x", "EINVAL", "1\n"},
                     {" 0 ", "ok", "0\n"},
                     {"1\n", "ok", "1\n"},
                 });
    const DirKey child = machine.mkdir(group, "c");
    CHECK(machine.read(child, "cgroup.freeze") == "0\n");
    CHECK(machine.read(child, "cgroup.events") == "populated 0\nfrozen 1\n");

    machine.tasks.add(10);
    REQUIRE(machine.write(child, "cgroup.procs", "10") == kOk);
    CHECK(machine.write(group, "cgroup.kill", "0") == "ERANGE");
    CHECK(machine.write(group, "cgroup.kill", "2") == "ERANGE");
    CHECK(machine.write(group, "cgroup.kill", "x") == "EINVAL");
    CHECK(machine.sink.killed.empty());
    CHECK(machine.write(group, "cgroup.kill", "1") == kOk);
    CHECK(machine.sink.killed == std::vector<std::int32_t>{10});
}

TEST_CASE("v2: a kill finds processes that nobody has told of", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    machine.tasks.add(10);
    REQUIRE(machine.write(group, "cgroup.procs", "10") == kOk);
    machine.tasks.add(11).css_set =
        machine.engine.css_set_of(machine.engine.find_task_by_pid(10)->groups);
    CHECK(machine.write(group, "cgroup.kill", "1") == kOk);
    CHECK(machine.sink.killed == std::vector<std::int32_t>{10, 11});
}

TEST_CASE("v2: cgroup.pressure takes the pressure files away", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    check_writes(machine, group, "cgroup.pressure",
                 {
                     {"2", "ERANGE", "1\n"},
                     {"-1", "ERANGE", "1\n"},
                     {"x", "EINVAL", "1\n"},
                     {"1 ", "ok", "1\n"},
                     {"00", "ok", "0\n"},
                 });
    const auto version = machine.fs.files_version(group);
    const auto pressure_file = machine.context(machine.top, "memory.pressure").file;
    CHECK(machine.fs.made_at_version(group, pressure_file) < version);
    for (const auto* name : {"io.pressure", "memory.pressure", "cpu.pressure"}) {
        CHECK_FALSE(machine.has(group, name));
        CHECK(machine.has(machine.top, name));
    }
    CHECK(machine.write(group, "cgroup.pressure", "1") == kOk);
    CHECK(machine.has(group, "memory.pressure"));
    CHECK(machine.fs.files_version(group) > version);
    CHECK(machine.fs.made_at_version(group, pressure_file) == machine.fs.files_version(group));
    REQUIRE(machine.write(machine.top, "cgroup.subtree_control", "+memory") == kOk);
    CHECK(machine.fs.made_at_version(group, pressure_file) < machine.fs.files_version(group));
    CHECK(machine.fs.made_at_version(group, machine.context(group, "memory.max").file) ==
          machine.fs.files_version(group) - 2);
    CHECK(machine.fs.made_at_version(group, machine.context(group, "cgroup.procs").file) == 0);
    CHECK(machine.read(machine.mkdir(group, "c"), "cgroup.pressure") == "1\n");
}

}  // namespace
}  // namespace memcgfs::interface
