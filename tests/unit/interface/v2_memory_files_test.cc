// SPDX-License-Identifier: MIT
#include "fs_fixture.h"

namespace memcgfs::interface {
namespace {

using namespace std::string_literals;

TEST_CASE("v2 6.12: a fresh group reads as a real one", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    const std::string no_events = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n";
    const std::vector<std::array<std::string, 3>> expected = {
        {"memory.current", "0444", "0\n"},
        {"memory.peak", "0644", "0\n"},
        {"memory.min", "0644", "0\n"},
        {"memory.low", "0644", "0\n"},
        {"memory.high", "0644", "max\n"},
        {"memory.max", "0644", "max\n"},
        {"memory.reclaim", "0200", "EINVAL"},
        {"memory.oom.group", "0644", "0\n"},
        {"memory.events", "0444", no_events},
        {"memory.events.local", "0444", no_events},
        {"memory.swap.current", "0444", "0\n"},
        {"memory.swap.peak", "0644", "0\n"},
        {"memory.swap.high", "0644", "max\n"},
        {"memory.swap.max", "0644", "max\n"},
        {"memory.swap.events", "0444", "high 0\nmax 0\nfail 0\n"},
        {"memory.zswap.current", "0444", "0\n"},
        {"memory.zswap.max", "0644", "max\n"},
        {"memory.zswap.writeback", "0644", "1\n"},
    };
    for (const auto& [name, mode, contents] : expected) {
        INFO(name);
        CHECK(machine.mode(group, name) == mode);
        CHECK(machine.read(group, name) == contents);
    }
    CHECK(no_events.size() == 53);
}

TEST_CASE("v2: memory files of the root", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    std::vector<std::string> memory_files;
    for (const std::string& name : machine.names(machine.top)) {
        if (name.starts_with("memory.") && name != "memory.pressure") {
            memory_files.push_back(name);
        }
    }
    CHECK(memory_files == std::vector<std::string>{"memory.stat", "memory.numa_stat",
                                                   "memory.reclaim", "memory.zswap.writeback"});
}

TEST_CASE("v2: memory files by version", "[interface]") {
    FsFixture older("6.1", Layout::kV2);
    const DirKey group = older.mkdir_memory(older.top, "t");
    CHECK(older.mode(group, "memory.peak") == "0444");
    CHECK(older.write(group, "memory.peak", "1") == "EINVAL");
    CHECK_FALSE(older.has(group, "memory.swap.peak"));
    CHECK_FALSE(older.has(group, "memory.zswap.writeback"));

    FsFixture old("5.10", Layout::kV2);
    const DirKey old_group = old.mkdir_memory(old.top, "t");
    CHECK(old.read(old_group, "memory.events") == "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
    CHECK(old.has(old_group, "memory.events.local"));
    CHECK(old.has(old_group, "memory.numa_stat"));
    CHECK(old.has(old_group, "memory.swap.high"));
    CHECK_FALSE(old.has(old_group, "memory.reclaim"));
    CHECK_FALSE(old.has(old_group, "memory.peak"));
    CHECK_FALSE(old.has(old_group, "memory.zswap.max"));

    FsFixture oldest("alinux2", Layout::kV2);
    const DirKey oldest_group = oldest.mkdir_memory(oldest.top, "t");
    CHECK(oldest.read(oldest_group, "memory.swap.events") == "max 0\nfail 0\n");
    CHECK_FALSE(oldest.has(oldest_group, "memory.events.local"));
    CHECK_FALSE(oldest.has(oldest_group, "memory.numa_stat"));
    CHECK_FALSE(oldest.has(oldest_group, "memory.swap.high"));
    CHECK_FALSE(oldest.has(oldest.top, "memory.stat"));
}

TEST_CASE("v2: memory files come, go and start afresh", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir(machine.top, "t");
    CHECK_FALSE(machine.has(group, "memory.max"));
    CHECK(machine.has(group, "memory.pressure"));
    const auto version = machine.fs.files_version(group);
    REQUIRE(machine.write(machine.top, "cgroup.subtree_control", "+memory") == kOk);
    CHECK(machine.fs.files_version(group) > version);
    REQUIRE(machine.write(group, "memory.max", "8M") == kOk);
    const vfs::FileContext open_file = machine.context(group, "memory.max");
    CHECK(machine.fs.alive(group, open_file.file));

    REQUIRE(machine.write(machine.top, "cgroup.subtree_control", "-memory") == kOk);
    CHECK_FALSE(machine.has(group, "memory.max"));
    CHECK_FALSE(machine.fs.alive(group, open_file.file));
    TextBuffer out;
    CHECK(machine.fs.show(open_file, out).error() == Errno::kENODEV);
    CHECK(machine.fs.store(open_file, "1").error() == Errno::kENODEV);

    REQUIRE(machine.write(machine.top, "cgroup.subtree_control", "+memory") == kOk);
    CHECK(machine.read(group, "memory.max") == "max\n");
    // To the tree it is another file.
    CHECK(machine.fs.made_at_version(group, open_file.file) > version);
}

TEST_CASE("v2: limits take page values and max", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    for (const auto* file : {"memory.max", "memory.high", "memory.min", "memory.low",
                             "memory.swap.max", "memory.swap.high", "memory.zswap.max"}) {
        check_writes(machine, group, file,
                     {
                         {"4096", "ok", "4096\n"},
                         {"4095", "ok", "0\n"},
                         {"10K", "ok", "8192\n"},
                         {" 1G\n", "ok", "1073741824\n"},
                         {"0x10K", "ok", "16384\n"},
                         {"\xa0"s + "4096", "ok", "4096\n"},
                         {"-1", "EINVAL", "4096\n"},
                         {"MAX", "EINVAL", "4096\n"},
                         {"1.5G", "EINVAL", "4096\n"},
                         {"17E", "ok", "1152921504606846976\n"},
                         {"\n", "ok", "0\n"},
                         {"max\n", "ok", "max\n"},
                         {"K", "ok", "0\n"},
                         {"\tmax", "ok", "max\n"},
                         {"16E", "ok", "0\n"},
                         {"8E", "ok", "max\n"},
                     });
    }
}

TEST_CASE("v2: switches", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    for (const auto* file : {"memory.oom.group", "memory.zswap.writeback"}) {
        check_writes(machine, group, file,
                     {
                         {"0", "ok", "0\n"},
                         {" 1 \n", "ok", "1\n"},
                         {"2", "EINVAL", "1\n"},
                         {"-1", "EINVAL", "1\n"},
                         {"x", "EINVAL", "1\n"},
                         {"\n", "EINVAL", "1\n"},
                         {"4294967297", "ERANGE", "1\n"},
                         {"-0", "ok", "0\n"},
                     });
    }
}

TEST_CASE("v2: memory.reclaim of 6.1", "[interface]") {
    FsFixture machine("6.1", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    for (const auto& text : {"0"s, "4095"s, "16E"s, "K"s}) {
        INFO(text);
        CHECK(machine.write(group, "memory.reclaim", text) == kOk);
    }
    for (const auto& text : {"4096"s, "1M"s, "\n"s, " "s, "\0x"s}) {
        INFO(text);
        CHECK(machine.write(group, "memory.reclaim", text) == "EAGAIN");
    }
    for (const auto* text : {"max", "-1", "x", "1M swappiness=60"}) {
        INFO(text);
        CHECK(machine.write(group, "memory.reclaim", text) == "EINVAL");
    }
}

TEST_CASE("v2: memory.reclaim of 6.12", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    for (const auto* text :
         {"0", "K", "16E", "4095 swappiness=0", "0swappiness=60", "0\tswappiness=60",
          "0 swappiness=0x3c", "0 swappiness=010 swappiness=200", "0  \n", "0 swappiness=60  "}) {
        INFO(text);
        CHECK(machine.write(group, "memory.reclaim", text) == kOk);
    }
    for (const auto* text : {"4096", "1M swappiness=10"}) {
        INFO(text);
        CHECK(machine.write(group, "memory.reclaim", text) == "EAGAIN");
    }
    for (const auto* text :
         {"\n", "max", "-1", "x", "0x", "0 swappiness=201", "0 swappiness=-1", "0 swappiness=+6",
          "0 swappiness=max", "0 swappiness=", "0 swappiness=08", "0 Swappiness=6", "0 60",
          "0 swappiness=1\tswappiness=2", "swappiness=60"}) {
        INFO(text);
        CHECK(machine.write(group, "memory.reclaim", text) == "EINVAL");
    }
}

TEST_CASE("v2: memory.max below the usage kills, memory.reclaim reclaims", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    const auto task = machine.add_task(machine.group(group));
    const auto file = machine.engine.create_mapping(task, engine::PageKind::kFile);
    REQUIRE(machine.read_file(task, file, 256).ok());
    CHECK(machine.read(group, "memory.current") == "1048576\n");
    CHECK(machine.write(group, "memory.reclaim", "512K") == kOk);
    CHECK(machine.read(group, "memory.current") != "1048576\n");

    REQUIRE(machine.anon(task, 256).ok());
    CHECK(machine.write(group, "memory.max", "64K") == kOk);
    CHECK(machine.read(group, "memory.max") == "65536\n");
    CHECK(machine.sink.killed.size() == 1);
    CHECK(machine.read(group, "memory.events").find("oom_kill 1\n") != std::string::npos);
}

TEST_CASE("v2: events of a group count in its ancestors, not in their local file", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey parent = machine.mkdir_memory(machine.top, "p");
    const DirKey child = machine.mkdir_memory(parent, "c");
    REQUIRE(machine.write(child, "memory.max", "64K") == kOk);
    CHECK_FALSE(machine.anon(machine.add_task(machine.group(child)), 256).ok());
    CHECK(machine.read(parent, "memory.events").find("oom_kill 1\n") != std::string::npos);
    CHECK(machine.read(parent, "memory.events.local").find("oom_kill 0\n") != std::string::npos);
    CHECK(machine.read(child, "memory.events.local").find("oom_kill 1\n") != std::string::npos);
}

}  // namespace
}  // namespace memcgfs::interface
