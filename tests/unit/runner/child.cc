// SPDX-License-Identifier: MIT
#include "child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "runner/namespaces.h"

namespace memcgfs::runner::test {
namespace {

constexpr int kPatienceMillis = 20'000;
constexpr uid_t kNobody = 65534;

bool wait_readable(int fd) {
    pollfd wanted{fd, POLLIN, 0};
    int ready = -1;
    while ((ready = poll(&wanted, 1, kPatienceMillis)) < 0 && errno == EINTR) {
    }
    return ready == 1;
}

}  // namespace

pid_t fork_body(const std::function<int()>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(body());
    }
    return pid;
}

int wait_status(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Pipe::Pipe() {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) == 0) {
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
        fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    }
}

bool read_exactly(int fd, std::string& out, std::size_t size) {
    while (out.size() < size) {
        char byte = 0;
        if (!wait_readable(fd) || read(fd, &byte, 1) != 1) {
            return false;
        }
        out.push_back(byte);
    }
    return true;
}

bool reaches_end(int fd) {
    for (;;) {
        char byte = 0;
        if (!wait_readable(fd)) {
            return false;
        }
        if (read(fd, &byte, 1) == 0) {
            return true;
        }
    }
}

bool host_can_run() {
    return wait_status(fork_body([] {
               if (!can_mount() && !enter_user_namespace(SeenAs::kSelf).ok()) {
                   return 1;
               }
               return open_fuse().ok() && enter_mount_namespace().ok() ? 0 : 1;
           })) == 0;
}

bool become_ordinary_user() {
    if (geteuid() != 0) {
        return true;
    }
    // Where /dev/fuse is root's alone, a node of our own takes its place in a private namespace.
    struct stat device{};
    if (stat("/dev/fuse", &device) != 0) {
        return false;
    }
    if ((device.st_mode & 0006) != 0006) {
        const char* const place = "/dev/shm";
        if (unshare(CLONE_NEWNS) != 0 ||
            mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("tmpfs", place, "tmpfs", 0, nullptr) != 0 ||
            mknod("/dev/shm/fuse", S_IFCHR | 0666, makedev(10, 229)) != 0 ||
            chmod("/dev/shm/fuse", 0666) != 0 ||
            mount("/dev/shm/fuse", "/dev/fuse", nullptr, MS_BIND, nullptr) != 0) {
            return false;
        }
    }
    return setgroups(0, nullptr) == 0 && setresgid(kNobody, kNobody, kNobody) == 0 &&
           setresuid(kNobody, kNobody, kNobody) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

}  // namespace memcgfs::runner::test
