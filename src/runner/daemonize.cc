// SPDX-License-Identifier: MIT
#include "memcgfs/runner/daemonize.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "runner/failure.h"

namespace memcgfs::runner {
namespace {

int wait_for_ready(int pipe, pid_t pid) {
    char byte = 0;
    ssize_t length = -1;
    while ((length = read(pipe, &byte, 1)) < 0 && errno == EINTR) {
    }
    if (length == 1) {
        return 0;
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<Daemonized, std::string> daemonize() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return failure("cannot make a pipe", errno);
    }
    UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) {
        return failure("cannot start a process", errno);
    }
    Daemonized result;
    if (pid > 0) {
        write_end.reset();
        result.exit_status = wait_for_ready(read_end.get(), pid);
        return result;
    }
    setsid();
    result.background.emplace(std::move(write_end));
    return result;
}

void Background::ready() {
    // A working directory would keep its file system busy. "/" is always there.
    static_cast<void>(chdir("/") == 0);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            dup2(null, fd);
        }
        if (null > STDERR_FILENO) {
            close(null);
        }
    }
    const char byte = 0;
    while (write(pipe_.get(), &byte, 1) < 0 && errno == EINTR) {
    }
    pipe_.reset();
}

}  // namespace memcgfs::runner
