// SPDX-License-Identifier: MIT
//
// Forks in ways a shell cannot; for conformance cases, on memcgfs and on a kernel.
//
//   forks STEP...
//     fork, vfork     a child that stays; vfork's is at an end at once
//     thread          a thread that stays
//     zombie          a child that has ended and is not waited for
//     into DIR        a child of clone3(2) with CLONE_INTO_CGROUP that stays
//     join DIR        moves itself to the group
//     end             the newest child that stayed ends, and is waited for
//     storm N         N processes fork at the same time, each once; how many could
//     show FILE       its contents, a space for each newline
//
// Prints a line a step: "fork: ok", or the errno's text. What stayed ends with it.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

std::vector<pid_t> children;

[[noreturn]] void stay() {
    for (;;) {
        pause();
    }
}

/// Its maker may have ended before this is known, which then nobody tells.
void end_with(pid_t maker) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != maker) {
        _exit(0);
    }
}

void tell(const char* step, bool ok) {
    std::printf("%s: %s\n", step, ok ? "ok" : std::strerror(errno));
    std::fflush(stdout);
}

/// Past the C library, so that all of it is the one system call.
pid_t fork_by(long number, clone_args* arguments = nullptr) {
    const pid_t maker = getpid();
    const long pid =
        arguments != nullptr ? syscall(number, arguments, sizeof(*arguments)) : syscall(number);
    if (pid == 0) {
        end_with(maker);
        stay();
    }
    return static_cast<pid_t>(pid);
}

pid_t into(const char* directory) {
    const int group = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (group < 0) {
        return -1;
    }
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(group);
    const pid_t pid = fork_by(SYS_clone3, &arguments);
    const int error = errno;
    close(group);
    errno = error;
    return pid;
}

bool make_zombie() {
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    siginfo_t ended{};
    return pid > 0 && waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) == 0;
}

bool end_newest() {
    if (children.empty()) {
        errno = ECHILD;
        return false;
    }
    const pid_t pid = children.back();
    children.pop_back();
    return kill(pid, SIGKILL) == 0 && waitpid(pid, nullptr, 0) == pid;
}

int thread_body(void*) { stay(); }

bool make_thread() {
    constexpr std::size_t kStackBytes = 65536;
    char* const stack = new char[kStackBytes];  // as long as the thread, which stays
    return clone(thread_body, stack + kStackBytes,
                 CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                 nullptr) > 0;
}

bool make_vfork() {
    const pid_t pid = vfork();
    if (pid == 0) {
        _exit(0);
    }
    return pid > 0 && waitpid(pid, nullptr, 0) == pid;
}

/// What all processes of a storm share.
struct Storm {
    std::atomic<bool> go = false;
    std::atomic<int> could = 0;
    std::atomic<int> tried = 0;
};

[[noreturn]] void one_of(Storm& storm) {
    while (!storm.go) {
        sched_yield();
    }
    const pid_t pid = fork_by(SYS_fork);
    storm.could += pid > 0 ? 1 : 0;
    storm.tried++;
    stay();
}

void raise_storm(int size) {
    void* const shared =
        mmap(nullptr, sizeof(Storm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    Storm& storm = *new (shared) Storm;
    std::vector<pid_t> all;
    const pid_t maker = getpid();
    for (int i = 0; i < size; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            end_with(maker);
            one_of(storm);
        }
        if (pid > 0) {
            all.push_back(pid);
        }
    }
    storm.go = true;
    while (storm.tried < static_cast<int>(all.size())) {
        usleep(1000);
    }
    std::printf("storm: %zu tried, %d could\n", all.size(), storm.could.load());
    std::fflush(stdout);
    for (const pid_t pid : all) {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
    }
}

void show(const char* path) {
    std::string text(4096, '\0');
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd >= 0 ? read(fd, text.data(), text.size()) : -1;
    if (fd >= 0) {
        close(fd);
    }
    text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::printf("%s: %s\n", path, length >= 0 ? text.c_str() : std::strerror(errno));
}

bool join(const char* group) {
    const int fd = open((std::string(group) + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    const bool joined = fd >= 0 && write(fd, "0", 1) == 1;
    if (fd >= 0) {
        close(fd);
    }
    return joined;
}

bool keep(pid_t pid) {
    if (pid > 0) {
        children.push_back(pid);
    }
    return pid > 0;
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
        const std::string step = argv[i];
        const char* const argument = i + 1 < argc ? argv[i + 1] : "";
        if (step == "fork") {
            tell("fork", keep(fork_by(SYS_fork)));
        } else if (step == "vfork") {
            tell("vfork", make_vfork());
        } else if (step == "thread") {
            tell("thread", make_thread());
        } else if (step == "zombie") {
            tell("zombie", make_zombie());
        } else if (step == "into") {
            tell("into", keep(into(argument)));
            i++;
        } else if (step == "join") {
            tell("join", join(argument));
            i++;
        } else if (step == "end") {
            tell("end", end_newest());
        } else if (step == "storm") {
            raise_storm(std::atoi(argument));
            i++;
        } else if (step == "show") {
            show(argument);
            i++;
        } else {
            std::fprintf(stderr, "forks: unknown step %s\n", argv[i]);
            return 2;
        }
    }
    while (!children.empty()) {
        end_newest();
    }
    return 0;
}
