// SPDX-License-Identifier: MIT
#include "memcgfs/interface/proc_fs.h"

#include <atomic>
#include <thread>

#include "proc_fixture.h"

namespace memcgfs::interface {
namespace {

TEST_CASE("a process's groups are told from the reader's cgroup namespace", "[interface]") {
    ProcFixture machine("6.1");
    machine.tasks.add(42);
    machine.tasks.add(43);
    const DirKey group = machine.mkdir(machine.top, "a");
    REQUIRE(machine.write(group, "cgroup.procs", "42") == "ok");
    machine.tasks.namespace_roots[7] =
        machine.engine.css_set_of(machine.engine.find_task_by_pid(42)->groups);
    REQUIRE(machine.proc.enter(42).ok());
    REQUIRE(machine.proc.enter(43).ok());
    CHECK(machine.cat("/proc/42/cgroup") == "0::/a\n");
    machine.who.pid = 7;
    CHECK(machine.cat("/proc/42/cgroup") == "0::/\n");
    CHECK(machine.cat("/proc/43/cgroup") == "0::/..\n");
}

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

TEST_CASE("what has gone unheard is found out before a text is made", "[interface]") {
    ProcFixture machine("6.12");
    machine.cat("/proc/meminfo");
    CHECK(machine.shown == 1);
    machine.cat("/proc/sys/vm/swappiness");
    CHECK(machine.shown == 2);
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
    CHECK(tree.mkdir(proc, "7", 0755, machine.who).error() == Errno::kENOENT);
    CHECK(tree.mkdir(proc, "x", 0755, machine.who).error() == Errno::kENOENT);
    CHECK(tree.mkdir(machine.find("/sys")->node, "x", 0755, machine.who).error() == Errno::kEPERM);
    CHECK(tree.mkdir(vfs::kRootNode, "x", 0755, machine.who).error() == Errno::kEPERM);
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

TEST_CASE("files that cannot be written say so as the kernel's do", "[interface]") {
    ProcFixture machine("6.12");
    machine.tasks.add(42);
    REQUIRE(machine.proc.enter(42).ok());
    CHECK(machine.echo("/proc/meminfo", "x\n") == "EIO");
    CHECK(machine.echo("/sys/kernel/cgroup/features", "x\n") == "EIO");
    CHECK(machine.echo("/proc/42/cgroup", "x\n") == "EINVAL");
    CHECK(machine.cat("/proc/sys/vm/drop_caches") == "EACCES");
}

TEST_CASE("a sysctl is read and written at its start alone", "[interface]") {
    ProcFixture machine("6.12");
    const auto file = machine.open("/proc/sys/vm/swappiness");
    CHECK(machine.echo(*file, "50\n") == kOk);
    CHECK(machine.echo(*file, "61\n", 3) == kOk);
    CHECK(machine.cat(*file) == "50\n");
    vfs::Tree& tree = machine.proc.tree();
    CHECK(tree.read(*file, 0, 1, machine.who).value() == "5");
    CHECK(tree.read(*file, 1, 1, machine.who).value().empty());
    const auto appending =
        tree.open(machine.find("/proc/sys/vm/swappiness")->node, O_WRONLY | O_APPEND, machine.who);
    CHECK(machine.echo(**appending, "52\n", 3) == kOk);
    CHECK(machine.cat(*file) == "52\n");
    const auto score = machine.open("/proc/meminfo");
    CHECK(tree.read(*score, 0, 3, machine.who).value() == "Mem");
    CHECK(tree.read(*score, 3, 5, machine.who).value() == "Total");
}

TEST_CASE("sysctls act on the machine", "[interface]") {
    ProcFixture machine("6.1", Layout::kV1);
    REQUIRE(machine.echo("/proc/sys/vm/swappiness", "10\n") == kOk);
    CHECK(machine.read(machine.top, "memory.swappiness") == "10\n");
    REQUIRE(machine.write(machine.top, "memory.swappiness", "20") == kOk);
    CHECK(machine.cat("/proc/sys/vm/swappiness") == "20\n");

    const engine::TaskId task = machine.add_task(machine.root());
    const auto file = machine.engine.create_mapping(task, engine::PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 100).ok());
    CHECK(machine.engine.machine_stat().item(engine::StatItem::kFile) == 100);
    REQUIRE(machine.echo("/proc/sys/vm/drop_caches", "2\n") == kOk);
    CHECK(machine.engine.machine_stat().item(engine::StatItem::kFile) == 100);
    REQUIRE(machine.echo("/proc/sys/vm/drop_caches", "1\n") == kOk);
    CHECK(machine.engine.machine_stat().item(engine::StatItem::kFile) == 0);

    const auto mark = [&machine] { return machine.engine.machine_stat().nodes[0].zones[1].min; };
    const Pages before = mark();
    REQUIRE(machine.echo("/proc/sys/vm/min_free_kbytes", "100000\n") == kOk);
    CHECK(mark() > before);
}

TEST_CASE("panic_on_oom counts from its write on", "[interface]") {
    ProcFixture machine("6.12");
    const auto group = machine.mkdir_memory(machine.top, "a");
    const engine::TaskId task = machine.add_task(machine.group(group));
    REQUIRE(machine.write(group, "memory.max", "40K") == kOk);
    REQUIRE(machine.echo("/proc/sys/vm/panic_on_oom", "2\n") == kOk);
    CHECK_FALSE(machine.engine.panicked());
    const auto memory = machine.engine.create_mapping(task, engine::PageKind::kAnon);
    const auto fault = machine.engine.touch(task, memory, {0, 100}, engine::Access::kWrite);
    for (int step = 0; step < 1000 && !machine.engine.panicked(); step++) {
        if (fault->step().kind == Step::Kind::kDone) {
            break;
        }
    }
    CHECK(machine.engine.panicked());
}

TEST_CASE("swappiness has the profile's range", "[interface]") {
    ProcFixture machine("alinux2", Layout::kV1);
    CHECK(machine.echo("/proc/sys/vm/swappiness", "100") == kOk);
    CHECK(machine.echo("/proc/sys/vm/swappiness", "101") == "EINVAL");
}

TEST_CASE("a process's score and adjustment", "[interface]") {
    ProcFixture machine("6.12");
    machine.tasks.add(42, 1000);
    machine.tasks.add(1);
    machine.tasks.add(2).kernel_thread = true;
    for (const std::int32_t pid : {1, 2, 42}) {
        REQUIRE(machine.proc.enter(pid).ok());
    }
    CHECK(machine.cat("/proc/42/oom_score") == "666\n");
    CHECK(machine.cat("/proc/1/oom_score") == "0\n");
    CHECK(machine.cat("/proc/2/oom_score") == "0\n");
    REQUIRE(machine.echo("/proc/42/oom_score_adj", "100\n") == kOk);
    CHECK(machine.cat("/proc/42/oom_score") == "732\n");  // the share is rounded down twice
    machine.who.uid = 1000;
    CHECK(machine.echo("/proc/42/oom_score_adj", "101\n") == kOk);
    CHECK(machine.echo("/proc/42/oom_score_adj", "99\n") == "EACCES");
    machine.who.uid = 0;
    REQUIRE(machine.echo("/proc/42/oom_score_adj", "-1000\n") == kOk);
    CHECK(machine.cat("/proc/42/oom_score") == "0\n");
    machine.tasks.processes.erase(42);
    for (const char* path : {"/proc/42/oom_score", "/proc/42/oom_score_adj", "/proc/42/oom_adj"}) {
        CHECK(machine.cat(path) == "ESRCH");
    }
    CHECK(machine.echo("/proc/42/oom_score_adj", "5") == "ESRCH");
}

TEST_CASE("controllers are counted with their hierarchies", "[interface]") {
    ProcFixture machine("6.1", Layout::kHybrid);
    machine.mkdir(machine.mkdir(machine.top, "a"), "b");
    const std::string text = machine.cat("/proc/cgroups");
    CHECK(text.find("\nmemory\t1\t3\t1\n") != std::string::npos);
    CHECK(text.find("\npids\t0\t1\t1\n") != std::string::npos);
    CHECK(line_count(text) == 15);
}

TEST_CASE("a trigger of /proc/pressure is told from one of a group", "[interface]") {
    ProcFixture machine("6.12");
    const auto file = machine.open("/proc/pressure/memory");
    CHECK(machine.echo(*file, "some 150000 1000000\n") == kOk);
    CHECK(machine.echo(*file, "some 150000 1000000\n") == "EBUSY");
    CHECK_FALSE(machine.proc.wake({.cookie = 1, .fired = true}));
    CHECK(machine.proc.wake({.cookie = (std::uint64_t{1} << 63U) + 1, .fired = true}));
    ProcFixture v1("6.1", Layout::kV1);
    CHECK(line_count(v1.cat("/proc/pressure/memory")) == 2);
    CHECK(v1.echo("/proc/pressure/memory", "some 150000 1000000\n") == kOk);
}

TEST_CASE("nodes count what was asked of them", "[interface]") {
    engine::Machine numa;
    numa.cpus = 2;
    numa.nodes.resize(2);
    numa.nodes[0].managed = {Pages{3840}, Pages{100000}, Pages{}, Pages{}};
    numa.nodes[1].managed = {Pages{}, Pages{}, Pages{100000}, Pages{}};
    numa.memory = Pages{203840};
    ProcFixture machine("6.12", Layout::kV2, numa);
    CHECK(machine.cat("/sys/devices/system/node/online") == "0-1\n");
    CHECK(machine.cat("/sys/devices/system/node/has_memory") == "0-1\n");
    const engine::TaskId task = machine.add_task(machine.root());
    REQUIRE(machine.anon(task, 10).ok());
    const std::string first = machine.cat("/sys/devices/system/node/node0/numastat");
    const std::string second = machine.cat("/sys/devices/system/node/node1/numastat");
    CHECK((first + second).find("numa_hit 10\n") != std::string::npos);
    CHECK(first != second);
    CHECK(machine.proc.has("/sys/devices/system/node/node1/vmstat"));
}

TEST_CASE("many threads read, write, enter and drop", "[interface]") {
    ProcFixture machine("6.12");
    for (std::int32_t pid = 1; pid <= 40; pid++) {
        machine.tasks.add(pid);
    }
    vfs::Tree& tree = machine.proc.tree();
    std::atomic<bool> wrong = false;
    const auto work = [&](unsigned seed) {
        const std::string swappiness = std::to_string(seed);
        const auto node = machine.find("/proc/sys/vm/swappiness")->node;
        const auto file = tree.open(node, O_RDWR, machine.who).value();
        for (std::int32_t round = 0; round < 200; round++) {
            const std::int32_t pid = 1 + (round * 7 + static_cast<std::int32_t>(seed)) % 40;
            const auto name = "/proc/" + std::to_string(pid) + "/cgroup";
            bool fine = machine.proc.enter(pid).ok() && machine.proc.has("/proc/meminfo");
            const auto found = machine.find(name);
            const auto groups = found.ok()
                                    ? tree.open(found->node, O_RDONLY, machine.who)
                                    : Result<std::unique_ptr<vfs::OpenFile>>(Err(found.error()));
            fine =
                fine && groups.ok() && tree.read(**groups, 0, 100, machine.who).value() == "0::/\n";
            fine = fine && tree.write(*file, swappiness, machine.who).ok();
            const std::string read = tree.read(*file, 0, 100, machine.who).value();
            fine = fine && read.size() == 2 && read[0] >= '1' && read[0] <= '4';
            machine.proc.drop_gone();
            wrong = wrong || !fine;
        }
    };
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 4; seed++) {
        threads.emplace_back(work, seed);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK_FALSE(wrong);
    CHECK(machine.proc.process_count() == 40);
    CHECK(machine.dropped.empty());
}

}  // namespace
}  // namespace memcgfs::interface
