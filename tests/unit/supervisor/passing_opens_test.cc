// SPDX-License-Identifier: MIT
#include "supervisor/passing_opens.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "supervised.h"
#include "support/catch.hpp"

namespace memcgfs::supervisor {
namespace {

/// What the supervisor answers; nothing is there for the kernel.
constexpr const char* kTold = "/proc/self/told";

bool is_answered(const char* path, int flags) {
    const long file = syscall(SYS_openat, AT_FDCWD, path, flags, 0);
    close(static_cast<int>(file));
    return file >= 0;
}

#ifdef __x86_64__

TEST_CASE("opens of programs with fixed addresses, with a compiler's flags, pass", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        auto* const low = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
        if (low == MAP_FAILED) {
            return 1;
        }
        std::strcpy(low, kTold);
        char high[32];
        std::strcpy(high, kTold);
        if (is_answered(low, O_RDONLY | O_NOCTTY) || !is_answered(high, O_RDONLY | O_NOCTTY)) {
            return 2;
        }
        const bool others = is_answered(low, O_RDONLY) && is_answered(low, O_RDONLY | O_CLOEXEC) &&
                            is_answered(low, O_RDONLY | O_NOCTTY | O_CLOEXEC) &&
                            syscall(SYS_openat, open("/proc", O_PATH), low + 6, O_NOCTTY) >= 0;
        return others ? 0 : 3;
    }) == 0);
}

TEST_CASE("the dynamic loader's opens pass, the C library's wait", "[supervisor]") {
    constexpr const char* kLibrary = "libresolv.so.2";
    Supervised world;
    CHECK(world.run([] {
        if (dlopen(kLibrary, RTLD_NOW) == nullptr) {
            return 0;
        }
        is_answered(kTold, O_RDONLY | O_CLOEXEC);
        return open(kLibrary, O_RDONLY | O_CLOEXEC) == -1 && errno == ENOENT ? 7 : 1;
    }) == 7);
    CHECK(world.answers.libraries == 1);
}

#endif

TEST_CASE("what passes falls through to the filter behind it", "[supervisor]") {
    for (const sock_filter& step : passing_opens()) {
        const bool answers = BPF_CLASS(step.code) == BPF_RET;
        CHECK((!answers || step.k == SECCOMP_RET_ALLOW));
    }
}

}  // namespace
}  // namespace memcgfs::supervisor
