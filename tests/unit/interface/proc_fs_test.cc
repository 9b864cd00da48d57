// SPDX-License-Identifier: MIT
#include "memcgfs/interface/proc_fs.h"

#include "proc_fixture.h"

namespace memcgfs::interface {
namespace {

TEST_CASE("the machine's files are where the kernel has them", "[interface]") {
    ProcFixture machine("6.12");
    for (const char* path : {"/proc/meminfo", "/proc/vmstat", "/proc/zoneinfo", "/proc/swaps",
                             "/sys/devices/system/node/node0/meminfo"}) {
        INFO(path);
        CHECK(machine.proc.has(path));
        const engine::MachineStat stat = machine.engine.machine_stat();
        TextBuffer text;
        REQUIRE(show_machine_file({machine.engine.profile(), stat}, path, text));
        CHECK(machine.cat(path) == text.view());
    }
    for (const char* path :
         {"/proc", "/proc/", "/proc/cpuinfo", "proc/meminfo", "/proc/1/cgroup",
          "/sys/devices/system/node/node1/meminfo", "/sys/devices/system/node/node00/meminfo"}) {
        INFO(path);
        CHECK_FALSE(machine.proc.has(path));
    }
}

TEST_CASE("a process's directory is there once it was asked for", "[interface]") {
    ProcFixture machine("6.12");
    machine.tasks.add(42, 1000);
    CHECK_FALSE(machine.find("/proc/42/cgroup").ok());
    CHECK(machine.proc.enter(41).error() == Errno::kESRCH);
    CHECK(machine.proc.enter(42).value() == 42);
    CHECK(machine.proc.enter(0, 42).value() == 42);
    CHECK(machine.cat("/proc/42/cgroup") == "0::/\n");
    CHECK(machine.find("/proc/42")->uid == 1000);
    CHECK_FALSE(machine.find("/proc/42")->permanent);
    CHECK(machine.find("/proc")->permanent);
    CHECK(machine.proc.process_count() == 1);
}

TEST_CASE("directories of processes that have gone are dropped", "[interface]") {
    ProcFixture machine("6.12");
    machine.tasks.add(42);
    machine.tasks.add(43);
    REQUIRE(machine.proc.enter(42).ok());
    REQUIRE(machine.proc.enter(43).ok());
    const auto open = machine.open("/proc/42/cgroup");
    machine.tasks.processes.erase(42);
    CHECK(machine.cat(*open) == "ESRCH");
    machine.proc.drop_gone();
    CHECK(machine.dropped == std::vector<std::string>{"42"});
    CHECK(machine.cat(*open) == "ENODEV");
    CHECK_FALSE(machine.find("/proc/42").ok());
    CHECK(machine.find("/proc/43").ok());

    machine.tasks.add(42);
    REQUIRE(machine.proc.enter(42).ok());
    CHECK(machine.cat("/proc/42/cgroup") == "0::/\n");
    CHECK(machine.cat(*open) == "ENODEV");
}

TEST_CASE("directories do not pile up", "[interface]") {
    ProcFixture machine("6.12");
    for (std::int32_t pid = 1; pid <= 1000; pid++) {
        machine.tasks.add(pid);
        REQUIRE(machine.proc.enter(pid).ok());
        machine.tasks.processes.erase(pid);
        REQUIRE(machine.proc.process_count() <= 65);
    }
}

TEST_CASE("clients make and remove no directories", "[interface]") {
    ProcFixture machine("6.12");
    machine.tasks.add(42);
    REQUIRE(machine.proc.enter(42).ok());
    vfs::Tree& tree = machine.proc.tree();
    const vfs::NodeId proc = machine.find("/proc")->node;
    CHECK(tree.mkdir(proc, "7", 0755, machine.who).error() == Errno::kEPERM);
    CHECK(tree.mkdir(proc, "x", 0755, machine.who).error() == Errno::kEPERM);
    CHECK(tree.rmdir(proc, "42").error() == Errno::kEPERM);
    CHECK(tree.rmdir(vfs::kRootNode, "proc").error() == Errno::kEPERM);
    CHECK(tree.rename(proc, "42", {.parent = proc, .name = "43"}).error() == Errno::kEPERM);
    CHECK(tree.unlink(proc, "meminfo").error() == Errno::kEPERM);
}

TEST_CASE("a process's groups are shown at once after a move", "[interface]") {
    ProcFixture machine("6.1", Layout::kHybrid);
    machine.tasks.add(42);
    const auto a = machine.mkdir(machine.top, "a");
    REQUIRE(machine.proc.enter(42).ok());
    const auto open = machine.open("/proc/42/cgroup");
    CHECK(machine.cat(*open) == "1:memory:/\n0::/\n");
    REQUIRE(machine.write(a, "cgroup.procs", "42") == kOk);
    CHECK(machine.cat(*open) == "1:memory:/a\n0::/\n");
    REQUIRE(machine.fs.rename(a, "b").ok());
    CHECK(machine.cat(*open) == "1:memory:/b\n0::/\n");
    machine.tasks.processes.at(42).zombie = true;
    CHECK(machine.cat(*open) == "1:memory:/\n0::/\n");
}

}  // namespace
}  // namespace memcgfs::interface
