// SPDX-License-Identifier: MIT
#include "memcgfs/runner/janitor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <sstream>
#include <utility>

#include "runner/failure.h"

namespace memcgfs::runner {
namespace {

// The first byte of a message on the socket.
constexpr char kNote = 'n';
constexpr char kDismiss = 'd';
constexpr std::size_t kMessageMax = 8192 + 1;

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

/// True once the other end has closed without a dismissal.
bool wait_for_death(int socket, std::string& note) {
    std::array<char, kMessageMax> message{};
    for (;;) {
        const ssize_t length = recv(socket, message.data(), message.size(), 0);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length <= 0) {
            return true;
        }
        if (message[0] == kDismiss) {
            return false;
        }
        note.assign(message.data() + 1, static_cast<std::size_t>(length) - 1);
    }
}

[[noreturn]] void run_janitor(int socket, const Janitor::Cleanup& cleanup,
                              std::vector<int> keep_fds) {
    for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP}) {
        std::signal(signal, SIG_IGN);
    }
    std::signal(SIGCHLD, SIG_DFL);
    setsid();
    // Not a name that "pkill -9 memcgfs" matches: then is when it is needed.
    prctl(PR_SET_NAME, "mount-janitor");
    if (chdir("/") != 0) {
        _exit(1);
    }
    forget_standard_descriptors();
    keep_fds.push_back(socket);
    close_all_but(std::move(keep_fds));
    std::string note;
    if (wait_for_death(socket, note)) {
        cleanup(note);
    }
    _exit(0);
}

void send_all(int socket, char kind, std::string_view text) {
    std::string message(1, kind);
    message.append(text.substr(0, kMessageMax - 1));
    // A janitor that has been killed is no reason to stop.
    while (send(socket, message.data(), message.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

}  // namespace

Result<Janitor, std::string> Janitor::start(Cleanup cleanup, std::vector<int> keep_fds) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return failure("cannot make a socket", errno);
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) {
        return failure("cannot start a process", errno);
    }
    if (pid == 0) {
        ours.reset();
        run_janitor(theirs.get(), cleanup, std::move(keep_fds));
    }
    return Janitor(pid, std::move(ours));
}

Janitor::Janitor(Janitor&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}

Janitor::~Janitor() { dismiss(); }

void Janitor::note(std::string_view text) { send_all(socket_.get(), kNote, text); }

void Janitor::dismiss() {
    if (pid_ < 0) {
        return;
    }
    send_all(socket_.get(), kDismiss, "");
    socket_.reset();
    // ECHILD: it had ended before and somebody else has taken its status.
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

Result<MountJanitor, std::string> MountJanitor::start() {
    return MountJanitor(MEMCGFS_TRY(Janitor::start([](std::string_view note) {
        std::istringstream words{std::string(note)};
        MountIdentity identity;
        words >> identity.id >> identity.device;
        words.ignore();
        if (std::getline(words, identity.mount_point, '\0')) {
            unmount_if_same(identity);
        }
    })));
}

void MountJanitor::guard(const MountIdentity& identity) {
    janitor_.note(std::to_string(identity.id) + " " + std::to_string(identity.device) + " " +
                  identity.mount_point);
}

}  // namespace memcgfs::runner
