// SPDX-License-Identifier: MIT
#include "memcgfs/runner/world_agent.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <string_view>

#include "runner/failure.h"
#include "runner/helper_process.h"

namespace memcgfs::runner {
namespace {

constexpr std::string_view kGo = "g";
constexpr std::size_t kMessageMax = 2 * PATH_MAX;

/// What the helper says of a program, or of itself at first.
struct Answer {
    int error = 0;
    pid_t pid = 0;
};

bool send_bytes(int socket, std::string_view bytes) {
    ssize_t sent = -1;
    while ((sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL)) < 0 && errno == EINTR) {
    }
    return sent == static_cast<ssize_t>(bytes.size());
}

/// Empty once the other end has closed.
std::string receive_bytes(int socket) {
    std::array<char, kMessageMax> buffer;
    ssize_t length = -1;
    while ((length = recv(socket, buffer.data(), buffer.size(), 0)) < 0 && errno == EINTR) {
    }
    return length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : "";
}

void send_answer(int socket, const Answer& answer) {
    send_bytes(socket, {reinterpret_cast<const char*>(&answer), sizeof(answer)});
}

Result<pid_t> receive_answer(int socket) {
    const std::string bytes = receive_bytes(socket);
    Answer answer{.error = ESRCH};
    if (bytes.size() == sizeof(answer)) {
        std::memcpy(&answer, bytes.data(), sizeof(answer));
    }
    if (answer.error != 0) {
        return Err(static_cast<Errno>(answer.error));
    }
    return answer.pid;
}

/// The child: waits to be let go, then becomes the program.
[[noreturn]] void become_program(std::string program, int gate) {
    char go = 0;
    if (read(gate, &go, 1) != 1) {
        _exit(1);
    }
    for (int signal = 1; signal < NSIG; signal++) {
        std::signal(signal, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    umask(022);
    setsid();
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        close(fd);  // the others close at exec
    }
    std::string argument = program.substr(program.find('\0') + 1);
    std::string home = "HOME=/";
    std::string path = "PATH=/sbin:/bin:/usr/sbin:/usr/bin";
    const std::array<char*, 3> argv{program.data(), argument.data(), nullptr};
    const std::array<char*, 3> environment{home.data(), path.data(), nullptr};
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
}

/// One request: `program` is a path and an argument with a NUL between them.
void start_child(int socket, const std::string& program) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return send_answer(socket, {.error = errno});
    }
    UniqueFd gate(ends[0]);
    UniqueFd opener(ends[1]);
    const pid_t pid = fork();
    if (pid == 0) {
        opener.reset();
        become_program(program, gate.get());
    }
    send_answer(socket, {.error = pid < 0 ? errno : 0, .pid = pid});
    if (pid > 0 && receive_bytes(socket) == kGo) {
        static_cast<void>(write(opener.get(), kGo.data(), kGo.size()) > 0);
    }
}

/// Enters the member's mount namespace and root directory.
bool enter(int name_space, int root) {
    return setns(name_space, CLONE_NEWNS) == 0 && fchdir(root) == 0 && chroot(".") == 0 &&
           chdir("/") == 0;
}

[[noreturn]] void run_agent(int socket, int name_space, int root) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool ready =
        become_helper("world-agent", {socket, name_space, root}) && enter(name_space, root);
    send_answer(socket, {.error = ready ? 0 : errno});
    if (!ready) {
        _exit(1);
    }
    close(name_space);
    close(root);
    std::signal(SIGCHLD, SIG_IGN);  // nobody waits for programs
    for (std::string program; !(program = receive_bytes(socket)).empty();) {
        start_child(socket, program);
    }
    _exit(0);
}

}  // namespace

Result<WorldAgent, std::string> WorldAgent::start(pid_t member) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return failure("cannot make a socket", errno);
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const std::string place = "/proc/" + std::to_string(member);
    const UniqueFd name_space(open((place + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd root(open((place + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!name_space.valid() || !root.valid()) {
        return failure("cannot open the command's mount namespace", errno);
    }
    const pid_t pid = fork();
    if (pid < 0) {
        return failure("cannot start a process", errno);
    }
    if (pid == 0) {
        ours.reset();
        run_agent(theirs.get(), name_space.get(), root.get());
    }
    theirs.reset();
    if (const auto ready = receive_answer(ours.get()); !ready.ok()) {
        return failure("cannot enter the command's mount namespace", to_int(ready.error()));
    }
    return WorldAgent(std::move(ours));
}

Result<void> WorldAgent::start_program(const Program& program,
                                       const std::function<void(pid_t)>& before) {
    if (program.path.size() >= PATH_MAX || program.argument.size() >= PATH_MAX) {
        return Err(Errno::kENAMETOOLONG);
    }
    std::string request = program.path;
    request += '\0';
    request += program.argument;
    if (!send_bytes(socket_.get(), request)) {
        return Err(Errno::kESRCH);
    }
    const pid_t pid = MEMCGFS_TRY(receive_answer(socket_.get()));
    before(pid);
    return send_bytes(socket_.get(), kGo) ? Result<void>{} : Err(Errno::kESRCH);
}

}  // namespace memcgfs::runner
