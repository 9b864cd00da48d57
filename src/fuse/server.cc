// SPDX-License-Identifier: MIT
#include "fuse/server.h"

#include <signal.h>

#include <cerrno>
#include <cstring>

#include "memcgfs/base/units.h"

namespace memcgfs::fuse {

namespace {

/// A signal that does nothing but end a wait in read(2), in this thread alone. It makes poll(2)
/// before every read unnecessary, which is a third of a short request's time.
class WakeSignal {
public:
    static constexpr int kNumber = SIGURG;

    WakeSignal() {
        struct sigaction action{};
        action.sa_handler = [](int) {};
        ::sigaction(kNumber, &action, nullptr);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, kNumber);
        ::pthread_sigmask(SIG_UNBLOCK, &set, &old_mask_);
    }
    ~WakeSignal() {
        ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
        // The handler stays: a last signal may be on its way, and another session may serve.
    }
    WakeSignal(const WakeSignal&) = delete;
    WakeSignal& operator=(const WakeSignal&) = delete;

private:
    sigset_t old_mask_{};
};

}  // namespace

/// Waits for a request and handles it. Nothing, if a signal came first.
Result<void, std::string> Server::serve_one(fuse_session* session) {
    const int size = requests_.read(session);
    if (size > 0) {
        if (look_) {
            look_(requests_.buffer());
        }
        fuse_session_process_buf(session, &requests_.buffer());
    } else if (size < 0 && size != -EINTR && size != -EAGAIN) {
        return Failed<std::string>{std::string("Reading from /dev/fuse failed (") +
                                   std::strerror(-size) + "): unmount and start again."};
    }
    return {};
}

Result<void, std::string> Server::run(fuse_session* session) {
    const WakeSignal signal;
    {
        const MutexLock lock(mutex_);
        serving_ = true;
        thread_ = ::pthread_self();
    }
    Result<void, std::string> outcome;
    while (outcome.ok() && !stopping_ && fuse_session_exited(session) == 0) {
        outcome = serve_one(session);
    }
    const MutexLock lock(mutex_);
    serving_ = false;
    changed_.notify_all();
    return outcome;
}

void Server::stop() {
    stopping_ = true;
    const MutexLock lock(mutex_);
    while (serving_) {
        // The signal is lost if it comes just before the read: again, until one is not.
        ::pthread_kill(thread_, WakeSignal::kNumber);
        changed_.wait_for(mutex_, from_millis(1));
    }
}

}  // namespace memcgfs::fuse
