// SPDX-License-Identifier: MIT
#include "memcgfs/supervisor/supervisor.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "memcgfs/base/assert.h"
#include "supervisor/call_table.h"

namespace memcgfs::supervisor {
namespace {

/// A struct that newer kernels may make longer (SECCOMP_GET_NOTIF_SIZES).
template <class T>
class Sized {
public:
    explicit Sized(std::size_t kernels_size)
        : words_((std::max(kernels_size, sizeof(T)) + 7) / 8) {}
    T& cleared() {
        std::fill(words_.begin(), words_.end(), 0);
        return *reinterpret_cast<T*>(words_.data());
    }

private:
    std::vector<std::uint64_t> words_;
};

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // since 6.6
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/// Caller and supervisor never run at the same time: let them take turns on one CPU, which spares
/// both the wake-up of another. A kernel that does not know it refuses, and nothing is lost.
void take_turns(int listener) {
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

/// Ends a wait of the supervising thread.
constexpr int kInterrupt = SIGURG;

void make_interruptible() {
    struct sigaction action{};
    action.sa_handler = [](int) {};  // without SA_RESTART
    sigaction(kInterrupt, &action, nullptr);
}

seccomp_notif_sizes kernels_sizes() {
    seccomp_notif_sizes sizes{sizeof(seccomp_notif), sizeof(seccomp_notif_resp),
                              sizeof(seccomp_data)};
    syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
    return sizes;
}

}  // namespace

class Supervisor::Impl {
public:
    Impl(runner::UniqueFd listener, CallAnswers& answers, spdlog::logger& logger)
        : listener_(std::move(listener)),
          answers_(answers),
          logger_(logger),
          request_(kernels_sizes().seccomp_notif),
          response_(kernels_sizes().seccomp_notif_resp) {
        make_interruptible();
        thread_ = std::thread([this] { serve(); });
    }
    ~Impl() { stop(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void stop() {
        stopping_ = true;
        // Once is not enough for a thread that is just about to wait.
        while (thread_.joinable() && !ended_) {
            pthread_kill(thread_.native_handle(), kInterrupt);
            std::this_thread::yield();
        }
        if (thread_.joinable()) {
            thread_.join();
        }
        listener_.reset();
    }

private:
    void serve();
    bool serve_one();
    void send(std::uint64_t id, bool goes_on, std::int64_t result, int error);
    void give(std::uint64_t id, const Answer& answer);

    runner::UniqueFd listener_;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> ended_ = false;
    CallAnswers& answers_;
    spdlog::logger& logger_;
    Sized<seccomp_notif> request_;
    Sized<seccomp_notif_resp> response_;
    std::thread thread_;
};

void Supervisor::Impl::serve() {
    sigset_t others;  // they are the main thread's business
    sigfillset(&others);
    sigdelset(&others, kInterrupt);
    pthread_sigmask(SIG_SETMASK, &others, nullptr);
    take_turns(listener_.get());
    while (!stopping_ && serve_one()) {
    }
    ended_ = true;
}

/// False: the last process has gone. It waits in the ioctl itself: a poll(2) before it would cost
/// each call as much again.
bool Supervisor::Impl::serve_one() {
    seccomp_notif& request = request_.cleared();
    if (ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) {
        pollfd listener{listener_.get(), POLLIN, 0};
        // ENOENT: the caller was killed meanwhile; or, since 6.11, there is none any more.
        return errno == EINTR || poll(&listener, 1, 0) < 0 || (listener.revents & POLLHUP) == 0;
    }
    std::array<std::uint64_t, 6> arguments{};
    std::copy(std::begin(request.data.args), std::end(request.data.args), arguments.begin());
    const Call call(listener_.get(), request.id, static_cast<pid_t>(request.pid), request.data.nr,
                    arguments);
    const auto table = call_table();
    const auto row = std::find_if(table.begin(), table.end(), [&](const CallRow& each) {
        return each.number == request.data.nr;
    });
    MEMCGFS_ASSERT(row != table.end());
    // Pid 0: outside this pid namespace; nothing of it could be looked at.
    const Answer answer = request.pid != 0 ? row->answer(call, answers_) : Answer::go_on();
    const int error = answer.error ? to_int(*answer.error) : 0;
    logger_.trace("supervisor: {} tid={} goes_on={} result={} fd={} errno={}", row->name,
                  request.pid, answer.goes_on, answer.result, answer.file.get(), error);
    if (answer.file.valid()) {
        give(request.id, answer);
    } else if (!answer.later) {
        send(request.id, answer.goes_on, answer.result, error);
    }
    return true;
}

void Supervisor::Impl::send(std::uint64_t id, bool goes_on, std::int64_t result, int error) {
    seccomp_notif_resp& response = response_.cleared();
    response.id = id;
    response.val = result;
    response.error = -error;
    response.flags = goes_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response);  // ENOENT: killed meanwhile
}

void Supervisor::Impl::give(std::uint64_t id, const Answer& answer) {
    seccomp_notif_addfd request{};
    request.id = id;
    request.flags = SECCOMP_ADDFD_FLAG_SEND;
    request.srcfd = static_cast<std::uint32_t>(answer.file.get());
    request.newfd_flags = answer.close_on_exec ? O_CLOEXEC : 0;
    if (ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request) >= 0 || errno == ENOENT) {
        return;
    }
    if (errno != EINVAL) {
        send(id, false, 0, errno);  // EMFILE, for one
        return;
    }
    request.flags = 0;  // before 5.14 in two steps
    const int number = ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request);
    send(id, false, std::max(number, 0), number < 0 ? errno : 0);
}

Supervisor::Supervisor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Supervisor::~Supervisor() = default;

std::unique_ptr<Supervisor> Supervisor::start(runner::UniqueFd listener, CallAnswers& answers,
                                              spdlog::logger& logger) {
    return std::unique_ptr<Supervisor>(
        new Supervisor(std::make_unique<Impl>(std::move(listener), answers, logger)));
}

void Supervisor::stop() { impl_->stop(); }

}  // namespace memcgfs::supervisor
