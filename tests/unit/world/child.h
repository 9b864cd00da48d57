// SPDX-License-Identifier: MIT
//
// A real process for a test: runs a function, is killed and waited for at the end.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <string>

namespace memcgfs::world {

/// What a child tells its test, and the other way round.
class Pipe {
public:
    Pipe() {
        if (pipe(ends_) != 0) {
            _exit(99);
        }
    }
    ~Pipe() {
        close(ends_[0]);
        close(ends_[1]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void send(std::int32_t number) const {
        if (write(ends_[1], &number, sizeof number) != sizeof number) {
            _exit(99);
        }
    }
    std::int32_t receive() const {
        std::int32_t number = -1;
        return read(ends_[0], &number, sizeof number) == sizeof number ? number : -1;
    }
    int read_end() const { return ends_[0]; }
    int write_end() const { return ends_[1]; }

private:
    int ends_[2] = {-1, -1};
};

class Child {
public:
    explicit Child(const std::function<void()>& body) : pid_(fork()) {
        if (pid_ == 0) {
            body();
            _exit(0);
        }
    }
    ~Child() {
        if (!waited_) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    pid_t pid() const { return pid_; }
    /// The wait status.
    int wait() {
        int status = 0;
        waitpid(pid_, &status, 0);
        waited_ = true;
        return status;
    }
    /// Waits until the child has exited, and leaves it a zombie.
    void wait_until_zombie() const {
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }

private:
    pid_t pid_;
    bool waited_ = false;
};

/// Waits to be killed; ends with its parent's thread at the latest.
[[noreturn]] inline void stay() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        pause();
    }
}

}  // namespace memcgfs::world
