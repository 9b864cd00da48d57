// SPDX-License-Identifier: MIT
#include "runner/helper_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>

namespace memcgfs::runner {
namespace {

void close_range_of(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, 0U) == 0) {
        return;
    }
    // Linux before 5.9.
    const long open_max = sysconf(_SC_OPEN_MAX);
    const auto end =
        std::min<unsigned long>(last, open_max > 0 ? static_cast<unsigned long>(open_max) : 1024UL);
    for (unsigned long fd = first; fd <= end; ++fd) {
        close(static_cast<int>(fd));
    }
}

void close_all_but(std::vector<int> keep) {
    std::sort(keep.begin(), keep.end());
    unsigned next = 3;
    for (const int fd : keep) {
        const auto kept = static_cast<unsigned>(fd);
        if (kept >= next) {
            if (kept > next) {
                close_range_of(next, kept - 1);
            }
            next = kept + 1;
        }
    }
    close_range_of(next, UINT_MAX);
}

/// Standard descriptors would keep the caller's pipes and terminal busy.
void forget_standard_descriptors() {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (null >= 0) {
            dup2(null, fd);
        } else {
            close(fd);
        }
    }
    if (null > STDERR_FILENO) {
        close(null);
    }
}

}  // namespace

bool become_helper(const char* name, std::vector<int> keep_fds) {
    for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP}) {
        std::signal(signal, SIG_IGN);
    }
    std::signal(SIGCHLD, SIG_DFL);
    setsid();
    prctl(PR_SET_NAME, name);
    // setns(2) into a mount namespace is refused to those who share their root directory, and a
    // sanitizer may have made a thread.
    if (unshare(CLONE_FS) != 0 || chdir("/") != 0) {
        return false;
    }
    forget_standard_descriptors();
    close_all_but(std::move(keep_fds));
    return true;
}

}  // namespace memcgfs::runner
