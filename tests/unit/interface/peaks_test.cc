// SPDX-License-Identifier: MIT
#include "fs_fixture.h"

namespace memcgfs::interface {
namespace {

TEST_CASE("6.12: a peak is restarted for one open file alone", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    const auto task = machine.add_task(machine.group(group));
    const auto peak = [&](std::unique_ptr<vfs::OpenState>& open_file) {
        return std::stoull(machine.read(group, "memory.peak", open_file));
    };
    const auto free_all = [&] {
        const auto regions = machine.engine.find(task)->regions;
        for (const auto region : regions) {
            machine.engine.unmap_mapping(task, region, false);
        }
    };
    constexpr std::uint64_t kMiB = 1U << 20U;
    std::unique_ptr<vfs::OpenState> a;
    std::unique_ptr<vfs::OpenState> b;

    REQUIRE(machine.anon(task, 1024).ok());
    free_all();
    const auto left = std::stoull(machine.read(group, "memory.current"));
    CHECK(left < kMiB);
    CHECK(peak(a) == 4 * kMiB);

    CHECK(machine.write(group, "memory.peak", "x", b) == kOk);
    CHECK(peak(b) == left);
    CHECK(peak(a) == 4 * kMiB);
    CHECK(std::stoull(machine.read(group, "memory.peak")) == 4 * kMiB);

    REQUIRE(machine.anon(task, 512).ok());
    free_all();
    CHECK(peak(b) == 2 * kMiB);
    CHECK(peak(a) == 4 * kMiB);

    CHECK(machine.write(group, "memory.peak", "x", a) == kOk);
    CHECK(peak(a) < kMiB);
    CHECK(peak(b) == 2 * kMiB);
    CHECK(machine.write(group, "memory.peak", "x", b) == kOk);
    CHECK(peak(b) < kMiB);

    REQUIRE(machine.anon(task, 2048).ok());
    CHECK(peak(a) == 8 * kMiB);
    CHECK(peak(b) == 8 * kMiB);
    CHECK(std::stoull(machine.read(group, "memory.peak")) == 8 * kMiB);
    b.reset();
    CHECK(machine.write(group, "memory.peak", "x", a) == kOk);
    CHECK(std::stoull(machine.read(group, "memory.peak")) == 8 * kMiB);
}

TEST_CASE("6.12: the peak of swap has its own restart", "[interface]") {
    FsFixture machine("6.12", Layout::kV2);
    const DirKey group = machine.mkdir_memory(machine.top, "t");
    REQUIRE(machine.anon(machine.add_task(machine.group(group)), 256).ok());
    std::unique_ptr<vfs::OpenState> open_file;
    CHECK(machine.write(group, "memory.swap.peak", "x", open_file) == kOk);
    CHECK(machine.read(group, "memory.swap.peak", open_file) == "0\n");
    CHECK(machine.read(group, "memory.peak") == "1048576\n");
}

}  // namespace
}  // namespace memcgfs::interface
