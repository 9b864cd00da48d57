// SPDX-License-Identifier: MIT
#include "memcgfs/runner/janitor.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <utility>

#include "runner/failure.h"
#include "runner/helper_process.h"

namespace memcgfs::runner {
namespace {

// The first byte of a message on the socket.
constexpr char kNote = 'n';
constexpr char kDismiss = 'd';
constexpr std::size_t kMessageMax = 8192 + 1;

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
    // Not a name that "pkill -9 memcgfs" matches: then is when it is needed.
    keep_fds.push_back(socket);
    if (!become_helper("mount-janitor", std::move(keep_fds))) {
        _exit(1);
    }
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
