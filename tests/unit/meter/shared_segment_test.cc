// SPDX-License-Identifier: MIT
#include "memcgfs/meter/shared_segment.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

constexpr std::size_t kMb = 1 << 20;
constexpr Pages kMbOfPages{kMb / kPageSize};

Pages all_of(const std::vector<SharedSegment>& segments) {
    Pages pages{};
    for (const SharedSegment& segment : segments) {
        pages += segment.pages;
    }
    return pages;
}

void* map(int sharing) {
    return mmap(nullptr, 4 * kMb, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
}

TEST_CASE("a process's shared memory is what has been touched of it") {
    const auto before = shared_segments_of(getpid());
    void* const shared = map(MAP_SHARED);
    void* const own = map(MAP_PRIVATE);
    std::memset(shared, 1, kMb);
    std::memset(own, 1, kMb);
    const auto now = shared_segments_of(getpid());
    CHECK(now.size() == before.size() + 1);
    CHECK(all_of(now) == all_of(before) + kMbOfPages);
    munmap(shared, 4 * kMb);
    munmap(own, 4 * kMb);
    CHECK(shared_segments_of(getpid()).size() == before.size());
}

TEST_CASE("System V segments are known by their numbers") {
    const int number = shmget(IPC_PRIVATE, kMb, IPC_CREAT | 0600);
    REQUIRE(number >= 0);
    void* const at = shmat(number, nullptr, 0);
    std::memset(at, 1, kMb);
    const auto is_it = [&](const SharedSegment& segment) {
        return segment.is_sysv && segment.key.inode == static_cast<std::uint64_t>(number) &&
               segment.pages == kMbOfPages;
    };
    const auto segments = shared_segments_of(getpid());
    CHECK(std::any_of(segments.begin(), segments.end(), is_it));
    const auto there = [&] {
        const auto numbers = sysv_segments();
        return std::binary_search(numbers.begin(), numbers.end(),
                                  static_cast<std::uint64_t>(number));
    };
    CHECK(there());
    shmdt(at);
    shmctl(number, IPC_RMID, nullptr);
    CHECK_FALSE(there());
}

}  // namespace
}  // namespace memcgfs::meter
