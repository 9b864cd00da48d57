// SPDX-License-Identifier: MIT
//
// How much memory the engine takes: by the allocator's own count, so the same on every run.
#include <malloc.h>

#include "bench/bench_machine.h"
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
    const auto block = std::make_unique<char[]>(1U << 20U);
    return allocated() >= before + (1U << 20U) && block != nullptr;
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

}  // namespace
}  // namespace memcgfs::bench
