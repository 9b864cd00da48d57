// SPDX-License-Identifier: MIT
//
// Real processes under a real filter; the answers are scripted.
#include "memcgfs/supervisor/supervisor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "supervised.h"
#include "support/catch.hpp"

namespace memcgfs::supervisor {
namespace {

dev_t device_of(const char* path) {
    struct stat status{};
    REQUIRE(stat(path, &status) == 0);
    return status.st_dev;
}

TEST_CASE("calls about other file systems go on as they are", "[supervisor]") {
    Supervised world;
    struct statfs before{};
    REQUIRE(statfs("/", &before) == 0);
    CHECK(world.run([&] {
        struct statfs now{};
        const int fd = open("/", O_PATH);
        const bool same = statfs("/", &now) == 0 && now.f_type == before.f_type &&
                          fstatfs(fd, &now) == 0 && now.f_type == before.f_type;
        return same && statfs("/nowhere/at/all", &now) == -1 && errno == ENOENT &&
                       syscall(SYS_statfs, nullptr, &now) == -1 && errno == EFAULT &&
                       fstatfs(-1, &now) == -1 && errno == EBADF
                   ? 0
                   : 1;
    }) == 0);
}

TEST_CASE("a fork is refused with the answer's error, in threads as well", "[supervisor]") {
    Supervised world;
    world.answers.refuse_forks = true;
    CHECK(world.run([] {
        const bool by_fork = fork() == -1 && errno == EAGAIN;
        const bool by_vfork = syscall(SYS_vfork) == -1 && errno == EAGAIN;
        alignas(16) static char stack[65536];
        const int thread = clone([](void*) { return 0; }, stack + sizeof(stack),
                                 CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, nullptr);
        return by_fork && by_vfork && thread == -1 && errno == EAGAIN ? 0 : 1;
    }) == 0);
    CHECK(world.answers.forks == 3);
    CHECK(world.answers.threads == 1);
}

TEST_CASE("children are under the filter, too", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const pid_t child = fork();
        if (child == 0) {
            const pid_t grandchild = fork();
            if (grandchild == 0) {
                _exit(7);
            }
            int status = 0;
            waitpid(grandchild, &status, 0);
            _exit(WEXITSTATUS(status));
        }
        int status = 0;
        waitpid(child, &status, 0);
        return WEXITSTATUS(status);
    }) == 7);
    CHECK(world.answers.forks - world.answers.threads ==
          2);  // ThreadSanitizer has a thread in each
}

std::string read_all(int fd) {
    std::array<char, 64> text{};
    const ssize_t length = fd >= 0 ? read(fd, text.data(), text.size()) : -1;
    close(fd);
    return length >= 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "failed";
}

TEST_CASE("a file is given in the place of the kernel's, by whatever path", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const int dir = open("/proc/self", O_DIRECTORY | O_RDONLY);
        const int proc = open("/proc", O_DIRECTORY | O_RDONLY);
        const auto by_open = [](const char* path) {
            return static_cast<int>(syscall(SYS_open, path, O_RDONLY));
        };
        const std::string own = "/proc/" + std::to_string(getpid()) + "/told";
        const bool given = read_all(open("/proc/self/told", O_RDONLY)) == "world" &&
                           read_all(by_open("//proc/./self//told")) == "world" &&
                           read_all(openat(proc, "self/told", O_RDONLY)) == "world";
        // The kernel's own answers: of a path that no file was announced for, by a number in place
        // of "self", without wanting to read, and of another name.
        const bool passed = read_all(openat(dir, "../self/comm", O_RDONLY)) != "world" &&
                            open(own.c_str(), O_RDONLY) == -1 && errno == ENOENT &&
                            open("/proc/self/told", O_PATH) == -1 && errno == ENOENT;
        const bool refused = open("/proc/refused/told", O_RDONLY) == -1 && errno == EACCES;
        return (given ? 0 : 1) + (passed ? 0 : 2) + (refused ? 0 : 4);
    }) == 0);
}

TEST_CASE("an open as tree walkers make it is the kernel's affair", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const int proc = open("/proc", O_DIRECTORY | O_RDONLY);
        const bool passed =
            openat(proc, "self/told", O_RDONLY | O_NOFOLLOW) == -1 && errno == ENOENT;
        const bool given = read_all(open("/proc/self/told", O_RDONLY | O_NOFOLLOW)) == "world" &&
                           read_all(openat(proc, "/proc/self/told", O_RDONLY)) == "world";
        return (passed ? 0 : 1) + (given ? 0 : 2);
    }) == 0);
}

TEST_CASE("a given descriptor is closed by exec as asked, and counts", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        const int kept = open("/proc/self/told", O_RDONLY);
        const int closed = open("/proc/self/told", O_RDONLY | O_CLOEXEC);
        const bool flags = fcntl(kept, F_GETFD) == 0 && fcntl(closed, F_GETFD) == FD_CLOEXEC;
        rlimit limit{};
        limit.rlim_cur = limit.rlim_max = static_cast<rlim_t>(closed) + 1;
        setrlimit(RLIMIT_NOFILE, &limit);
        return flags && open("/proc/self/told", O_RDONLY) == -1 && errno == EMFILE ? 0 : 1;
    }) == 0);
}

TEST_CASE("a path that ends with its page is read, one that goes on beyond is EFAULT",
          "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        constexpr std::size_t kPage = 4096;
        auto* const pages = static_cast<char*>(
            mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        munmap(pages + kPage, kPage);
        struct statfs info{};
        std::memcpy(pages + kPage - 2, "/", 2);
        // Past the C library, which sanitizers put functions of their own before.
        const bool read = syscall(SYS_statfs, pages + kPage - 2, &info) == 0;
        pages[kPage - 1] = 't';
        const bool refused = syscall(SYS_statfs, pages + kPage - 2, &info) == -1 && errno == EFAULT;
        return read && refused ? 0 : 1;
    }) == 0);
}

TEST_CASE("a signal that is caught does not disturb an answer", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        struct sigaction action{};
        action.sa_handler = [](int) {};
        action.sa_flags = SA_RESTART;
        sigaction(SIGALRM, &action, nullptr);
        const itimerval often{{0, 500}, {0, 500}};
        setitimer(ITIMER_REAL, &often, nullptr);
        for (int i = 0; i < 2000; i++) {
            struct statfs info{};
            if (statfs("/", &info) != 0) {
                return 1;
            }
        }
        return 0;
    }) == 0);
}

TEST_CASE("a caller that is killed while it waits is no trouble", "[supervisor]") {
    Supervised world;
    CHECK(world.run([] {
        for (int i = 0; i < 50; i++) {
            const pid_t child = fork();
            if (child == 0) {
                for (struct statfs info{};;) {
                    statfs("/", &info);
                }
            }
            for (int j = 0; j < i; j++) {
                sched_yield();
            }
            kill(child, SIGKILL);
            waitpid(child, nullptr, 0);
        }
        return 0;
    }) == 0);
}

TEST_CASE("a file system that is not FUSE is never taken for the tree's", "[supervisor]") {
    Supervised world;
    world.answers.tree_device = device_of("/");
    world.answers.type = CGROUP2_SUPER_MAGIC;
    struct statfs before{};
    REQUIRE(statfs("/", &before) == 0);
    const auto type = before.f_type;
    CHECK(world.run([&] {
        struct statfs now{};
        return statfs("/", &now) == 0 && now.f_type == type ? 0 : 1;
    }) == 0);
}

}  // namespace
}  // namespace memcgfs::supervisor
