// SPDX-License-Identifier: MIT
//
// The kernel log of an OOM kill. The forms are those that Debian's 6.1 and 6.12 print for a group
// /p with the limit 16 MiB and children; the numbers follow from a process that has nothing but
// its regions.
#include <algorithm>

#include "support/engine_fixture.h"

namespace memcgfs::engine {
namespace {

using test::EngineFixture;
using test::mib;

using Lines = std::vector<std::string>;

/// A group that kills: /p/c with a hog that asks for 20 MiB under /p's 16, and -1000 in /p/d.
Lines log_of_kill(EngineFixture& machine) {
    Cgroup& parent = machine.make_memory(machine.root(), "p");
    Cgroup& child = machine.make_memory(parent, "c");
    Cgroup& other = machine.make_memory(parent, "d");
    machine.limit(parent, mib(16));
    const TaskId spared = machine.add_task(other, -1000);
    REQUIRE(machine.anon(spared, 256).ok());
    const TaskId eater = machine.add_task(child, 7);
    REQUIRE_FALSE(machine.anon(eater, mib(20).count()).ok());
    return machine.sink.log;
}

TEST_CASE("the OOM report on v2", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    CHECK(log_of_kill(machine) ==
          Lines{"task invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=7",
                "memory: usage 16384kB, limit 16384kB, failcnt 19",
                "swap: usage 0kB, limit 9007199254740988kB, failcnt 0",
                "Memory cgroup stats for /p:", "Tasks state (memory values in pages):",
                "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj "
                "name",
                "[    101]     0   101     3840     3840    40960        0             7 task",
                "[    100]     0   100      256      256    12288        0         -1000 task",
                "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
                "oom_memcg=/p,task_memcg=/p/c,task=task,pid=101,uid=0",
                "Memory cgroup out of memory: Killed process 101 (task) total-vm:15360kB, "
                "anon-rss:15360kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:40kB "
                "oom_score_adj:7"});
}

TEST_CASE("the lines of the OOM report are graver at its ends", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "a");
    const TaskId task = machine.add_task(group);
    REQUIRE(machine.run(machine.engine.set_memory_max(*group.memcg, Pages{64})).ok());
    static_cast<void>(machine.anon(task, 128));
    std::map<std::string, LogLevel> levels;
    for (std::size_t i = 0; i < machine.sink.log.size(); i++) {
        levels[machine.sink.log[i].substr(0, 12)] = machine.sink.log_levels[i];
    }
    CHECK(levels.at("task invoked") == LogLevel::kWarning);
    CHECK(levels.at("Tasks state ") == LogLevel::kInfo);
    CHECK(levels.at("oom-kill:con") == LogLevel::kInfo);
    CHECK(levels.at("Memory cgrou") == LogLevel::kError);
}

TEST_CASE("the OOM report on v1 names memory+swap and kmem", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV1);
    const Lines log = log_of_kill(machine);
    REQUIRE(log.size() > 5);
    CHECK(log[1] == "memory: usage 16384kB, limit 16384kB, failcnt 19");
    CHECK(log[2] == "memory+swap: usage 16384kB, limit 9007199254740988kB, failcnt 0");
    CHECK(log[3] == "kmem: usage 0kB, limit 9007199254740988kB, failcnt 0");
    CHECK(log[4] == "Memory cgroup stats for /p:");
}

TEST_CASE("6.12 tells the kinds of resident memory apart", "[engine][oom]") {
    EngineFixture machine("6.12", Layout::kV2);
    const Lines log = log_of_kill(machine);
    REQUIRE(log.size() == 10);
    CHECK(log[5] ==
          "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes "
          "swapents oom_score_adj name");
    CHECK(log[6] ==
          "[    101]     0   101     3840     3840     3840        0         0    40960        0 "
          "            7 task");
}

TEST_CASE("4.19 reports in the old form", "[engine][oom]") {
    EngineFixture machine("alinux2", Layout::kV1);
    const Lines log = log_of_kill(machine);
    REQUIRE(log.size() == 16);
    CHECK(log[0] ==
          "task invoked oom-killer: gfp_mask=0x6000c0(GFP_KERNEL), nodemask=(null), order=0, "
          "oom_score_adj=7");
    CHECK(log[1] == "task cpuset=/ mems_allowed=0");
    CHECK(log[2] == "Task in /p/c killed as a result of limit of /p");
    CHECK(log[6] ==
          "Memory cgroup stats for /p: cache:0KB rss:0KB rss_huge:0KB shmem:0KB mapped_file:0KB "
          "dirty:0KB writeback:0KB swap:0KB inactive_anon:0KB active_anon:0KB inactive_file:0KB "
          "active_file:0KB unevictable:0KB");
    CHECK(log[7].starts_with("Memory cgroup stats for /p/c: cache:0KB rss:15360KB"));
    // 3850 pages with their tables, and 7 thousandths of 4096 pages: 7 * 4.
    CHECK(log[13] ==
          "Memory cgroup out of memory: Kill process 101 (task) score 946 or sacrifice child");
    CHECK(log[14] ==
          "Killed process 101 (task) total-vm:15360kB, anon-rss:15360kB, file-rss:0kB, "
          "shmem-rss:0kB");
    CHECK(log[15] ==
          "oom_reaper: reaped process 101 (task), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB");
}

TEST_CASE("the statistics come from outside", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2, {}, [](const Memcg& memcg, TextBuffer& out) {
        out.print("anon {}\nfile 0\n", memcg.stat_total(StatItem::kAnon));
    });
    const Lines log = log_of_kill(machine);
    const auto title = std::find(log.begin(), log.end(), "Memory cgroup stats for /p:");
    REQUIRE(title != log.end());
    CHECK(title[1] == "anon 4096");
    CHECK(title[2] == "file 0");
    CHECK(title[3] == "Tasks state (memory values in pages):");
}

TEST_CASE("a group kill names the victim twice", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    group.memcg->oom_group = true;
    machine.limit(group, mib(16));
    const TaskId other = machine.add_task(group);
    REQUIRE(machine.anon(other, 10).ok());
    REQUIRE_FALSE(machine.anon(machine.add_task(group), mib(20).count()).ok());
    Lines killed;
    for (const std::string& line : machine.sink.log) {
        if (line.starts_with("Memory cgroup out of memory: Killed process") ||
            line.starts_with("Tasks in")) {
            killed.push_back(line.substr(0, 51));
        }
    }
    CHECK(killed == Lines{"Memory cgroup out of memory: Killed process 101 (ta",
                          "Tasks in /g are going to be killed due to memory.oo",
                          "Memory cgroup out of memory: Killed process 100 (ta",
                          "Memory cgroup out of memory: Killed process 101 (ta"});
    CHECK(group.memcg->event(MemcgEvent::kOomKill) == 3);
    CHECK(machine.sink.killed.size() == 2);
}

TEST_CASE("ten reports in five seconds, then only the kills", "[engine][oom]") {
    Machine costs;
    costs.costs = {.fault = Nanos{0}, .reclaim_scan = Nanos{0}};
    EngineFixture machine("6.1", Layout::kV2, costs);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    machine.limit(group, Pages{64});
    const auto reports = [&](const char* what) {
        return std::count_if(machine.sink.log.begin(), machine.sink.log.end(),
                             [&](const auto& line) { return line.find(what) != line.npos; });
    };
    for (int kill = 0; kill < 13; kill++) {
        REQUIRE_FALSE(machine.anon(machine.add_task(group), 65).ok());
    }
    CHECK(reports("invoked oom-killer") == 10);
    CHECK(reports("Killed process") == 13);
    machine.clock.advance_to(machine.clock.now() + from_millis(5001));
    REQUIRE_FALSE(machine.anon(machine.add_task(group), 65).ok());
    CHECK(reports("oom_kill_process: 3 callbacks suppressed") == 1);
    CHECK(reports("invoked oom-killer") == 11);
}

TEST_CASE("without anybody to kill the report ends so, and faults go on", "[engine][oom]") {
    EngineFixture machine("6.1", Layout::kV2);
    Cgroup& group = machine.make_memory(machine.root(), "g");
    machine.limit(group, mib(16));
    const TaskId spared = machine.add_task(group, -1000);
    const MappingId region = machine.engine.create_mapping(spared, PageKind::kAnon);
    OperationPtr fault =
        machine.engine.touch(spared, region, {0, mib(17).count()}, Access::kWrite);
    const auto is_huh = [](const std::string& line) {
        return line == "Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF";
    };
    // Every retry is another OOM with 18 times at the limit.
    const auto huhs = [&] {
        return std::count_if(machine.sink.log.begin(), machine.sink.log.end(), is_huh);
    };
    while (huhs() < 3) {
        machine.clock.advance_to(fault->step().until);
    }
    CHECK(group.memcg->event(MemcgEvent::kOom) == 3);
    CHECK(group.memcg->event(MemcgEvent::kMax) == 18 * 3);
    CHECK(group.memcg->event(MemcgEvent::kOomKill) == 0);
    CHECK(machine.sink.log.end()[-2] == "Out of memory and no killable processes...");
    machine.engine.exit_task(spared);
    CHECK_FALSE(machine.run(std::move(fault)).ok());
}

}  // namespace
}  // namespace memcgfs::engine
