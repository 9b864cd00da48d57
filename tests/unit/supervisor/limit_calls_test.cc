// SPDX-License-Identifier: MIT
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "supervised.h"
#include "support/catch.hpp"

namespace memcgfs::supervisor {
namespace {

/// The kernel's own value, soft and hard.
std::string kernels_limit_of_locks() {
    std::ifstream limits("/proc/self/limits");
    for (std::string line; std::getline(limits, line);) {
        if (line.starts_with("Max file locks")) {
            return line;
        }
    }
    return "none";
}

TEST_CASE("the limit of locks stays, whoever sets it", "[supervisor][limits]") {
    Supervised supervised;
    CHECK(supervised.run([] {
        const std::string before = kernels_limit_of_locks();
        const rlimit limit{5, 6};
        const bool set = setrlimit(RLIMIT_LOCKS, &limit) == 0 &&
                         prlimit(0, RLIMIT_LOCKS, &limit, nullptr) == 0 &&
                         prlimit(getpid(), RLIMIT_LOCKS, &limit, nullptr) == 0;
        rlimit told{1, 1};
        const bool got = getrlimit(RLIMIT_LOCKS, &told) == 0 && told.rlim_cur == RLIM_INFINITY &&
                         told.rlim_max == RLIM_INFINITY &&
                         syscall(SYS_getrlimit, RLIMIT_LOCKS, &told) == 0;
        return (set ? 0 : 1) + (got ? 0 : 2) + (kernels_limit_of_locks() == before ? 0 : 4);
    }) == 0);
}

TEST_CASE("a limit of locks that cannot be is refused", "[supervisor][limits]") {
    Supervised supervised;
    CHECK(supervised.run([] {
        const rlimit wrong{6, 5};
        const rlimit right{5, 6};
        const auto fails = [](int result, int error) { return result == -1 && errno == error; };
        const auto* nowhere = reinterpret_cast<const rlimit*>(8);
        return fails(setrlimit(RLIMIT_LOCKS, &wrong), EINVAL) &&
                       fails(setrlimit(RLIMIT_LOCKS, nowhere), EFAULT) &&
                       fails(prlimit(1 << 30, RLIMIT_LOCKS, &right, nullptr), ESRCH) &&
                       fails(prlimit(-1, RLIMIT_LOCKS, &right, nullptr), ESRCH)
                   ? 0
                   : 1;
    }) == 0);
}

TEST_CASE("other limits are the kernel's", "[supervisor][limits]") {
    Supervised supervised;
    CHECK(supervised.run([] {
        rlimit limit{};
        const bool set = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 50;
        limit.rlim_cur = 50;
        return set && setrlimit(RLIMIT_NOFILE, &limit) == 0 && dup2(0, 50) == -1 ? 0 : 1;
    }) == 0);
}

}  // namespace
}  // namespace memcgfs::supervisor
