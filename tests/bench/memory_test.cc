// SPDX-License-Identifier: MIT
//
// How much memory the engine and the tree take: by the allocator's own count, so the same on every
// run.
#include <fcntl.h>
#include <malloc.h>

#include <cstdlib>
#include <utility>

#include "bench/bench_machine.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/vfs/tree.h"
#include "support/catch.hpp"

namespace memcgfs::bench {
namespace {

using namespace engine;

std::size_t allocated() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/// False where a sanitizer's allocator has taken malloc's place.
bool allocator_counts() {
    const std::size_t before = allocated();
    void* const block = std::malloc(1U << 20U);
    asm volatile("" : : "r"(block) : "memory");  // else the compiler does without the block
    const bool counted = allocated() >= before + (1U << 20U);
    std::free(block);
    return counted;
}

constexpr std::size_t kIdleGroupBytes = 2048;
constexpr std::size_t kTerabyteMachineBytes = 1U << 30U;

TEST_CASE("an idle group takes two kilobytes at most", "[memory]") {
    if (!allocator_counts()) {
        WARN("this allocator does not count");
        return;
    }
    constexpr std::size_t kGroups = 100'000;
    auto machine = std::make_unique<BenchMachine>();
    const std::size_t before = allocated();
    machine->make_groups(kGroups);
    const std::size_t each = (allocated() - before) / kGroups;
    WARN(each << " bytes a group");
    CHECK(each <= kIdleGroupBytes);
}

TEST_CASE("a machine of one terabyte in ten thousand groups fits in a gigabyte", "[memory]") {
    if (!allocator_counts()) {
        WARN("this allocator does not count");
        return;
    }
    constexpr std::size_t kGroups = 10'000;
    constexpr std::uint64_t kPagesEach = (1ULL << 28U) / kGroups;
    const std::size_t before = allocated();
    BenchMachine machine;
    machine.make_groups(kGroups);
    std::vector<const Cgroup*> leaves;
    for (const Cgroup* parent : machine.root().children) {
        leaves.insert(leaves.end(), parent->children.begin(), parent->children.end());
    }
    std::uint64_t pages = 0;
    for (const Cgroup* leaf : leaves) {
        // Half anonymous, half cache, the cache read by a second task as well.
        const TaskId task = machine.add_task(*leaf);
        const MappingId region = machine.engine.create_mapping(task, PageKind::kAnon);
        const MappingId file = machine.engine.create_mapping(task, PageKind::kFile);
        const Engine::Range half{0, kPagesEach / 2};
        pages += machine.run(machine.engine.touch(task, region, half, Access::kWrite));
        pages += machine.run(machine.engine.file_io(task, file, half, Access::kRead));
        machine.run(machine.engine.file_io(machine.add_task(*leaf), file, {0, 1000},
                                           Access::kRead));
    }
    CHECK(pages > (1ULL << 28U) * 9 / 10);
    const std::size_t used = allocated() - before;
    WARN((used >> 20U) << " MiB for " << (pages >> 18U) << " GiB in use");
    CHECK(used <= kTerabyteMachineBytes);
}

class NoTasks final : public world::TaskTable {
public:
    Result<world::ProcessInfo> find(std::int32_t, std::int32_t) override {
        return Err(Errno::kESRCH);
    }
    std::vector<world::ProcessInfo> snapshot() override { return {}; }
};

/// Opens `count` files of a group and one handle of its directory, and removes the group.
std::vector<std::unique_ptr<vfs::OpenFile>> open_and_remove(vfs::Tree& tree, std::size_t count) {
    std::vector<std::unique_ptr<vfs::OpenFile>> files;
    const auto group = tree.mkdir(vfs::kRootNode, "g", 0755, {}).value();
    files.push_back(tree.open(group.node, O_RDONLY, {}).value());
    for (std::size_t i = 0; i < count; ++i) {
        const auto file = tree.lookup(group.node, i % 2 == 0 ? "memory.max" : "memory.stat");
        files.push_back(tree.open(file->node, O_RDONLY, {}).value());
        REQUIRE(tree.read(*files.back(), 0, 4096, {}).ok());
        (void)tree.poll(*files.back(), [] {});
    }
    REQUIRE(tree.rmdir(vfs::kRootNode, "g").ok());
    return files;
}

TEST_CASE("files open on removed groups give their memory back", "[memory]") {
    if (!allocator_counts()) {
        WARN("this allocator does not count");
        return;
    }
    constexpr std::size_t kGroups = 100;
    constexpr std::size_t kFilesEach = 100;
    BenchMachine machine;
    REQUIRE(
        machine.engine.set_subtree_control(machine.root(), mask_of(Controller::kMemory), 0).ok());
    NoTasks tasks;
    Mutex mutex{LockRank::kEngine};
    interface::CgroupFs fs(machine.engine, mutex, tasks, {});
    vfs::Tree tree(
        fs, [] { return timespec{}; },
        vfs::Tree::Options{.root = fs.root(machine.engine.memory_hierarchy())});
    std::size_t answered = 0;
    std::size_t while_open = 0;
    const auto open_all_and_close = [&] {
        std::vector<std::vector<std::unique_ptr<vfs::OpenFile>>> open(kGroups);
        for (auto& files : open) {
            files = open_and_remove(tree, kFilesEach);
        }
        while_open = allocated();
        for (const auto& files : open) {
            for (const auto& file : files) {
                answered += tree.read(*file, 0, 1, {}).ok();
            }
        }
    };
    open_all_and_close();  // tables keep the size they once had
    const std::size_t before = allocated();
    open_all_and_close();
    const std::size_t after = allocated();
    WARN((while_open - before) / (kGroups * kFilesEach) << " bytes an open file");
    CHECK(answered == 0);
    constexpr std::size_t kSlack = 4096;  // less than a byte for each file
    CHECK(after <= before + kSlack);
}

}  // namespace
}  // namespace memcgfs::bench
