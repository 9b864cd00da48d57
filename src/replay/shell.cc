// SPDX-License-Identifier: MIT
#include "memcgfs/replay/shell.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace memcgfs::replay {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Descriptors that scripts do not use by chance.
constexpr int kCommands = 198;
constexpr int kStatuses = 199;
constexpr std::array<int, 2> kEnds{0, 1};  // of a pipe: to read, to write

// A command ends with a NUL, which no command has; so does its status.
constexpr const char* kDriver =
    "while IFS= read -r -d '' -u 198 memcgfs_command; do\n"
    "eval \"$memcgfs_command\" 198<&- 199>&-\n"
    "printf '%d\\0' \"$?\" >&199\n"
    "done";

struct Pipe {
    std::array<int, 2> ends{-1, -1};
    bool open() { return pipe2(ends.data(), O_CLOEXEC) == 0; }
    /// Writing to one whose reader has gone is an error, not a signal.
    bool open_socket() {
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0;
    }
    void close_end(int end) {
        if (ends[static_cast<std::size_t>(end)] >= 0) {
            close(ends[static_cast<std::size_t>(end)]);
            ends[static_cast<std::size_t>(end)] = -1;
        }
    }
    ~Pipe() {
        close_end(kEnds[0]);
        close_end(kEnds[1]);
    }
};

[[noreturn]] void become_bash(const std::string& directory, const Pipe& commands,
                              const Pipe& statuses, const Pipe& output) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nothing = open("/dev/null", O_RDONLY);
    if (chdir(directory.c_str()) == 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
        dup2(output.ends[1], STDOUT_FILENO) >= 0 && dup2(output.ends[1], STDERR_FILENO) >= 0 &&
        dup2(commands.ends[0], kCommands) >= 0 && dup2(statuses.ends[1], kStatuses) >= 0) {
        execlp("bash", "bash", "--norc", "--noprofile", "-c", kDriver, nullptr);
    }
    _exit(127);
}

int status_of(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return 127;
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<std::unique_ptr<Shell>, std::string> Shell::start(
    const std::string& directory,
    const std::vector<std::pair<std::string, std::string>>& environment) {
    Pipe commands;
    Pipe statuses;
    Pipe output;
    if (!commands.open_socket() || !statuses.open() || !output.open()) {
        return Failed<std::string>{std::string("cannot make a pipe: ") + std::strerror(errno)};
    }
    const pid_t pid = fork();
    if (pid < 0) {
        return Failed<std::string>{std::string("cannot start a shell: ") + std::strerror(errno)};
    }
    if (pid == 0) {
        for (const auto& [name, value] : environment) {
            setenv(name.c_str(), value.c_str(), 1);
        }
        become_bash(directory, commands, statuses, output);
    }
    fcntl(output.ends[0], F_SETFL, O_NONBLOCK);
    std::unique_ptr<Shell> shell(
        new Shell(pid, commands.ends[1], statuses.ends[0], output.ends[0]));
    commands.ends[1] = statuses.ends[0] = output.ends[0] = -1;
    return shell;
}

Shell::~Shell() {
    close(commands_);
    if (pid_ > 0) {
        kill(-pid_, SIGKILL);
        kill(pid_, SIGKILL);
        status_of(pid_);
    }
    close(statuses_);
    close(output_);
}

bool Shell::send(std::string_view command) const {
    std::string text(command);
    text += '\0';
    return ::send(commands_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
}

void Shell::drain(std::string& text) const {
    std::array<char, 4096> buffer{};
    ssize_t length = 0;
    while ((length = read(output_, buffer.data(), buffer.size())) > 0 ||
           (length < 0 && errno == EINTR)) {
        text.append(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    }
}

Outcome Shell::finish(Outcome outcome) {
    if (outcome.end == Outcome::End::kTimeout) {
        kill(-pid_, SIGKILL);
    }
    outcome.status = status_of(pid_);
    pid_ = -1;
    drain(outcome.output);
    return outcome;
}

Outcome Shell::run(std::string_view command, milliseconds patience) {
    Outcome outcome;
    const auto deadline = steady_clock::now() + patience;
    if (!send(command)) {
        outcome.end = Outcome::End::kExited;
        return finish(outcome);
    }
    std::string status;
    int output = output_;
    while (!status.ends_with('\0') || status.empty()) {
        std::array<pollfd, 2> ready{{{statuses_, POLLIN, 0}, {output, POLLIN, 0}}};
        const auto left =
            std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
        if (left <= 0) {
            outcome.end = Outcome::End::kTimeout;
            return finish(outcome);
        }
        poll(ready.data(), ready.size(), static_cast<int>(left));
        drain(outcome.output);
        output = (ready[1].revents & POLLHUP) != 0 ? -1 : output;  // nobody writes there any more
        std::array<char, 16> part{};
        const ssize_t length = (ready[0].revents & (POLLIN | POLLHUP)) != 0
                                   ? read(statuses_, part.data(), part.size())
                                   : -1;
        if (length == 0) {
            outcome.end = Outcome::End::kExited;
            return finish(outcome);
        }
        status.append(part.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    }
    drain(outcome.output);  // what was written before the status
    outcome.status = std::atoi(status.c_str());
    return outcome;
}

}  // namespace memcgfs::replay
