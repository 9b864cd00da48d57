// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "supervised.h"
#include "support/catch.hpp"

namespace memcgfs::supervisor {
namespace {

constexpr std::size_t kMb = 1 << 20;

TEST_CASE("who makes calls that may bring much memory is told of before", "[supervisor][growth]") {
    Supervised supervised;
    CHECK(supervised.run([] {
        constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
        const int zeros = open("/dev/zero", O_RDONLY);
        void* const plain = mmap(nullptr, 4 * kMb, PROT_READ | PROT_WRITE, kPrivate, -1, 0);
        void* const full =
            mmap(nullptr, 2 * kMb, PROT_READ | PROT_WRITE, kPrivate | MAP_POPULATE, -1, 0);
        const bool read_all = read(zeros, plain, 3 * kMb) == 3 * kMb &&
                              pread(zeros, plain, 4 * kMb, 0) == 4 * kMb &&
                              read(zeros, plain, kMb - 1) == kMb - 1;
        const bool populated = madvise(plain, kMb, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
        const bool locked = mlock(plain, 4096) == 0 && munlock(plain, 4096) == 0;
        return full != MAP_FAILED && read_all && populated && locked ? 0 : 1;
    }) == 0);
    const MutexLock lock(supervised.answers.growth_mutex);
    CHECK(supervised.answers.growth ==
          std::vector<std::uint64_t>{2 * kMb, 3 * kMb, 4 * kMb, kMb, 4096});
}

}  // namespace
}  // namespace memcgfs::supervisor
