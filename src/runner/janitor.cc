// SPDX-License-Identifier: MIT
#include "memcgfs/runner/janitor.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <sstream>
#include <utility>

#include "runner/failure.h"
#include "runner/helper_process.h"

namespace memcgfs::runner {
namespace {

// The first byte of a message on the socket.
constexpr char kNote = 'n';
constexpr char kDismiss = 'd';
// The janitor's only one.
constexpr char kReady = 'r';
constexpr std::size_t kMessageMax = 8192 + 1;

void send_all(int socket, char kind, std::string_view text) {
    std::string message(1, kind);
    message.append(text.substr(0, kMessageMax - 1));
    // A janitor that has been killed is no reason to stop.
    while (send(socket, message.data(), message.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

// What the owner's death sends.
constexpr int kOwnerDied = SIGUSR2;

enum class Heard : std::uint8_t { kNothingMore, kDismissal, kEnd };

/// All that has been sent until now.
Heard hear(int socket, std::string& note) {
    std::array<char, kMessageMax> message{};
    for (;;) {
        const ssize_t length = recv(socket, message.data(), message.size(), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length < 0 && errno == EAGAIN) {
            return Heard::kNothingMore;
        }
        if (length <= 0) {
            return Heard::kEnd;
        }
        if (message[0] == kDismiss) {
            return Heard::kDismissal;
        }
        note.assign(message.data() + 1, static_cast<std::size_t>(length) - 1);
    }
}

/// A descriptor that is readable once the thread that has made this process is dead. That lives,
/// for it waits for kReady.
UniqueFd watch_owner() {
    sigset_t died;
    sigemptyset(&died);
    sigaddset(&died, kOwnerDied);
    sigprocmask(SIG_BLOCK, &died, nullptr);
    UniqueFd watch(signalfd(-1, &died, SFD_CLOEXEC));
    prctl(PR_SET_PDEATHSIG, kOwnerDied);
    return watch;
}

/// True once the owner is dead, or has closed the other end, without a dismissal.
bool wait_for_death(int socket, int owner, std::string& note) {
    for (;;) {
        std::array<pollfd, 2> heard{{{socket, POLLIN, 0}, {owner, POLLIN, 0}}};
        if (poll(heard.data(), heard.size(), -1) < 0) {
            continue;
        }
        switch (hear(socket, note)) {
            case Heard::kDismissal:
                return false;
            case Heard::kEnd:
                return true;
            case Heard::kNothingMore:
                if (heard[1].revents != 0) {
                    return true;
                }
        }
    }
}

[[noreturn]] void run_janitor(int socket, const Janitor::Cleanup& cleanup,
                              std::vector<int> keep_fds) {
    // Not a name that "pkill -9 memcgfs" matches: then is when it is needed.
    keep_fds.push_back(socket);
    if (!become_helper("mount-janitor", std::move(keep_fds))) {
        _exit(1);
    }
    const UniqueFd watch = watch_owner();
    send_all(socket, kReady, "");
    std::string note;
    if (wait_for_death(socket, watch.get(), note)) {
        cleanup(note);
    }
    _exit(0);
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
    theirs.reset();
    Janitor janitor(pid, std::move(ours));
    char ready = 0;
    while (recv(janitor.socket_.get(), &ready, 1, 0) < 0 && errno == EINTR) {
    }
    if (ready != kReady) {
        return failure("the process that cleans up has ended too early");
    }
    return janitor;
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
            abort_if_same(identity);
            unmount_if_same(identity);
        }
    })));
}

void MountJanitor::guard(const MountIdentity& identity) {
    janitor_.note(std::to_string(identity.id) + " " + std::to_string(identity.device) + " " +
                  identity.mount_point);
}

}  // namespace memcgfs::runner
