// SPDX-License-Identifier: MIT
#include "memcgfs/meter/memory_probe.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

/// What kernels that sum per-CPU counters inexactly may be wrong by.
const std::uint64_t kSlack =
    std::max(32L, 2 * sysconf(_SC_NPROCESSORS_ONLN)) * sysconf(_SC_NPROCESSORS_ONLN);

TEST_CASE("anonymous pages count as they are touched and given back") {
    constexpr std::size_t kPages = 4096;
    auto probe = MemoryProbe::open(getpid());
    REQUIRE(probe.ok());
    const std::uint64_t before = probe->anon().value().count();
    auto* const memory = static_cast<char*>(mmap(
        nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory != MAP_FAILED);
    REQUIRE(madvise(memory, kPages * kPageSize, MADV_NOHUGEPAGE) == 0);
    for (std::size_t page = 0; page < kPages; ++page) {
        memory[page * kPageSize] = 1;
    }
    const std::uint64_t with = probe->anon().value().count();
    CHECK(with >= before + kPages - kSlack);
    CHECK(with <= before + kPages + kSlack);
    munmap(memory, kPages * kPageSize);
    CHECK(probe->anon().value().count() <= before + kSlack);
}

TEST_CASE("who has gone has no memory") {
    const pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    auto probe = MemoryProbe::open(child);
    REQUIRE(probe.ok());
    CHECK(probe->anon().ok());
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK(probe->anon().error() == Errno::kESRCH);
    CHECK(MemoryProbe::open(child).error() == Errno::kESRCH);
}

}  // namespace
}  // namespace memcgfs::meter
