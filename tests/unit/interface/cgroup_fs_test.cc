// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include "fs_fixture.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::interface {
namespace {

const std::vector<std::string> kV1Child = {
    "cgroup.procs",
    "cgroup.clone_children",
    "tasks",
    "notify_on_release",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.limit_in_bytes",
    "memory.soft_limit_in_bytes",
    "memory.failcnt",
    "memory.stat",
    "memory.force_empty",
    "memory.use_hierarchy",
    "cgroup.event_control",
    "memory.swappiness",
    "memory.move_charge_at_immigrate",
    "memory.oom_control",
    "memory.pressure_level",
    "memory.numa_stat",
    "memory.kmem.limit_in_bytes",
    "memory.kmem.usage_in_bytes",
    "memory.kmem.failcnt",
    "memory.kmem.max_usage_in_bytes",
    "memory.kmem.slabinfo",
    "memory.kmem.tcp.limit_in_bytes",
    "memory.kmem.tcp.usage_in_bytes",
    "memory.kmem.tcp.failcnt",
    "memory.kmem.tcp.max_usage_in_bytes",
    "memory.memsw.usage_in_bytes",
    "memory.memsw.max_usage_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.memsw.failcnt",
};

TEST_CASE("v1 6.1: the files of a group and of the root, as recorded", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    CHECK(machine.names(machine.mkdir(machine.top, "zorro")) == kV1Child);
    auto root = kV1Child;
    root.insert(root.begin() + 2, "cgroup.sane_behavior");
    root.insert(root.begin() + 5, "release_agent");
    CHECK(machine.names(machine.top) == root);
}

TEST_CASE("v1: Alibaba's files come last", "[interface]") {
    FsFixture machine("alinux2", Layout::kV1);
    auto expected = kV1Child;
    for (const auto* name :
         {"memory.wmark_ratio", "memory.wmark_high", "memory.wmark_low",
          "memory.wmark_scale_factor", "memory.wmark_min_adj", "memory.exstat", "memory.priority",
          "memory.use_priority_oom", "memory.min", "memory.low", "memory.high",
          "memory.direct_reclaim_memcg_latency", "memory.direct_reclaim_global_latency",
          "memory.direct_compact_latency", "memory.direct_swapout_global_latency",
          "memory.direct_swapout_memcg_latency", "memory.direct_swapin_latency",
          "memory.dirty_throttle_latency"}) {
        expected.emplace_back(name);
    }
    CHECK(machine.names(machine.mkdir(machine.top, "t")) == expected);
}

TEST_CASE("v2 6.1: the files of a group with memory, as recorded", "[interface]") {
    FsFixture machine("6.1", Layout::kV2);
    CHECK(machine.names(machine.mkdir_memory(machine.top, "t")) ==
          std::vector<std::string>{"cgroup.type",
                                   "cgroup.procs",
                                   "cgroup.threads",
                                   "cgroup.controllers",
                                   "cgroup.subtree_control",
                                   "cgroup.events",
                                   "cgroup.max.descendants",
                                   "cgroup.max.depth",
                                   "cgroup.stat",
                                   "cgroup.freeze",
                                   "cgroup.kill",
                                   "cpu.stat",
                                   "io.pressure",
                                   "memory.pressure",
                                   "cpu.pressure",
                                   "cgroup.pressure",
                                   "memory.current",
                                   "memory.peak",
                                   "memory.min",
                                   "memory.low",
                                   "memory.high",
                                   "memory.max",
                                   "memory.events",
                                   "memory.events.local",
                                   "memory.stat",
                                   "memory.numa_stat",
                                   "memory.oom.group",
                                   "memory.reclaim",
                                   "memory.swap.current",
                                   "memory.swap.high",
                                   "memory.swap.max",
                                   "memory.swap.events",
                                   "memory.zswap.current",
                                   "memory.zswap.max"});
}

TEST_CASE("directories of one kind share one list", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey a = machine.mkdir(machine.top, "a");
    const DirKey b = machine.mkdir(machine.top, "b");
    CHECK(machine.fs.files(a).data() == machine.fs.files(b).data());
    CHECK(machine.fs.files(machine.top).data() != machine.fs.files(a).data());
    CHECK(machine.fs.files(DirKey{0}).empty());
    CHECK(machine.fs.files_version(DirKey{0}) == 0);
}

TEST_CASE("files that may come and go are not permanent", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    CHECK(machine.info(group, "cgroup.procs")->permanent);
    CHECK(machine.info(group, "cpu.stat")->permanent);
    CHECK_FALSE(machine.info(group, "memory.max")->permanent);
    CHECK_FALSE(machine.info(group, "memory.pressure")->permanent);
    FsFixture v1("6.1", Layout::kV1);
    CHECK(v1.info(v1.top, "memory.stat")->permanent);
}

TEST_CASE("making and removing groups", "[interface]") {
    FsFixture machine("6.1", Layout::kV1);
    const DirKey group = machine.mkdir(machine.top, "t");
    const DirKey child = machine.mkdir(group, "c");
    CHECK(machine.rmdir(group).error() == Errno::kEBUSY);
    CHECK(machine.rmdir(machine.top).error() == Errno::kEBUSY);
    machine.tasks.add(10);
    REQUIRE(machine.write(child, "tasks", "10") == kOk);
    CHECK(machine.rmdir(child).error() == Errno::kEBUSY);
    const auto open_file = machine.context(child, "memory.stat");
    machine.tasks.processes.clear();
    CHECK(machine.rmdir(child).ok());
    CHECK(machine.rmdir(child).error() == Errno::kENODEV);
    CHECK_FALSE(machine.fs.alive(child, open_file.file));
    TextBuffer out;
    CHECK(machine.fs.show(open_file, out).error() == Errno::kENODEV);
    CHECK(machine.fs.mkdir(child, "x", {}).error() == Errno::kENODEV);
    CHECK(machine.fs.files(child).empty());
    CHECK(machine.rmdir(group).ok());
}

TEST_CASE("v1 renames, v2 does not", "[interface]") {
    FsFixture machine("6.1", Layout::kHybrid);
    const DirKey v1 = machine.mkdir(machine.top, "t");
    CHECK(machine.fs.rename(v1, "u").ok());
    CHECK(machine.group(v1).name == "u");
    const DirKey v2 = machine.mkdir(machine.fs.root(*machine.engine.unified()), "t");
    CHECK(machine.fs.rename(v2, "u").error() == Errno::kEPERM);
    CHECK(machine.fs.renames(v1));
    CHECK_FALSE(machine.fs.renames(v2));
    CHECK_FALSE(machine.fs.renames(DirKey{0}));
    CHECK(machine.fs.rename(DirKey{12345}, "u").error() == Errno::kENODEV);
}

TEST_CASE("effects name the file they are about", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    const auto id = machine.group(group).id;
    using engine::NotifyFile;
    const std::vector<std::pair<NotifyFile, std::string_view>> files = {
        {NotifyFile::kCgroupEvents, "cgroup.events"},
        {NotifyFile::kMemoryEvents, "memory.events"},
        {NotifyFile::kMemoryEventsLocal, "memory.events.local"},
        {NotifyFile::kMemorySwapEvents, "memory.swap.events"},
    };
    for (const auto& [notified, name] : files) {
        const auto file = machine.fs.file_of({.cgroup = id, .file = notified});
        CHECK(file.dir == group);
        CHECK(file.file == machine.info(group, name)->index);
        CHECK(machine.info(group, name)->notify == vfs::Notify::kModified);
    }
    CHECK(machine.info(group, "memory.stat")->notify == vfs::Notify::kNone);
}

TEST_CASE("the control channel is a hook", "[interface]") {
    FsFixture without("6.12", Layout::kV2);
    CHECK(without.fs.control({}, {}).error() == Errno::kENOTTY);
    Hooks hooks;
    hooks.control = [](const vfs::FileContext&, std::span<std::byte> message) {
        message[0] = std::byte{7};
        return Result<vfs::StoreOutcome>(vfs::StoreOutcome{});
    };
    FsFixture with("6.12", Layout::kV2, hooks);
    std::array<std::byte, 1> message{};
    CHECK(with.fs.control({}, message).ok());
    CHECK(message[0] == std::byte{7});
}

TEST_CASE("under the generic tree, an open file of a controller that went stays dead",
          "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    vfs::Tree tree(machine.fs, [] { return timespec{}; }, {.root = machine.top});
    REQUIRE(tree.mkdir(vfs::kRootNode, "t", 0755, {}).ok());
    const auto group = tree.lookup(vfs::kRootNode, "t")->node;
    const auto open = [&](vfs::NodeId directory, std::string_view name) {
        const auto found = tree.lookup(directory, name);
        REQUIRE(found.ok());
        return std::move(tree.open(found->node, O_RDWR, {})).value();
    };
    const auto read = [&](vfs::OpenFile& file) { return tree.read(file, 0, 4096, {}); };
    const auto control = open(vfs::kRootNode, "cgroup.subtree_control");
    const auto pressure_switch = open(group, "cgroup.pressure");

    CHECK(tree.lookup(group, "memory.max").error() == Errno::kENOENT);
    REQUIRE(tree.write(*control, "+memory", {}).ok());
    const auto first_max = open(group, "memory.max");
    CHECK(*read(*first_max) == "max\n");
    REQUIRE(tree.write(*control, "-memory", {}).ok());
    CHECK(read(*first_max).error() == Errno::kENODEV);
    REQUIRE(tree.write(*control, "+memory", {}).ok());
    CHECK(read(*first_max).error() == Errno::kENODEV);
    const auto second_max = open(group, "memory.max");
    CHECK(*read(*second_max) == "max\n");

    const auto first_pressure = open(group, "memory.pressure");
    REQUIRE(tree.write(*pressure_switch, "0", {}).ok());
    REQUIRE(tree.write(*pressure_switch, "1", {}).ok());
    CHECK(read(*first_pressure).error() == Errno::kENODEV);
    CHECK(read(*open(group, "memory.pressure")).ok());
    CHECK(*read(*second_max) == "max\n");

    REQUIRE(tree.rmdir(vfs::kRootNode, "t").ok());
    CHECK(read(*second_max).error() == Errno::kENODEV);
    CHECK(tree.write(*pressure_switch, "0", {}).error() == Errno::kENODEV);
}

}  // namespace
}  // namespace memcgfs::interface
