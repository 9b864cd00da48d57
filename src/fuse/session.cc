// SPDX-License-Identifier: MIT
#include "memcgfs/fuse/session.h"

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include "fuse/adapter.h"
#include "fuse/log.h"
#include "fuse/mount_check.h"
#include "fuse/request_reader.h"
#include "memcgfs/base/assert.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/units.h"

namespace memcgfs::fuse {

namespace {

void init(void* /*user_data*/, fuse_conn_info* connection) {
    // Fast reads build on it. Every kernel has it that libfuse 3 runs on.
    connection->want |= connection->capable & FUSE_CAP_AUTO_INVAL_DATA;
    // The kernel is to clear set-uid bits itself, as it does on its own file systems.
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_HANDLE_KILLPRIV);
    connection->time_gran = 1;
}

fuse_lowlevel_ops all_ops() {
    fuse_lowlevel_ops ops{};
    ops.init = init;
    add_name_ops(ops);
    add_file_ops(ops);
    add_directory_ops(ops);
    return ops;
}

std::string mount_options(const Session::Options& options) {
    std::string text = "default_permissions,subtype=memcgfs,fsname=";
    for (const char character : options.fs_name) {
        if (character == ',' || character == '\\') {
            text.push_back('\\');
        }
        text.push_back(character);
    }
    if (options.allow_other) {
        text += ",allow_other";
    }
    return text;
}

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

struct Session::State {
    State(vfs::Tree& tree, OperationRunner& runner, const Options& options,
          spdlog::logger& the_logger)
        : adapter(tree, runner, options.exclusive, options.deliver), logger(the_logger) {
        if (options.fast_reads) {
            adapter.fast = std::make_shared<FastNodes>(tree);
        }
        log_libfuse_to(logger);
    }
    ~State() {
        adapter.pending.interrupt_all_and_wait();
        end_notifications();
        adapter.polls->close();
        if (session != nullptr) {
            fuse_session_unmount(session);
            fuse_session_destroy(session);
        }
        stop_logging_libfuse_to(logger);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Result<void, std::string> set_up(const Options& options, const std::string& mount_point);
    Result<void, std::string> serve_one();
    void end_notifications() {
        if (adapter.fast != nullptr) {
            adapter.fast->close();
        }
    }

    Adapter adapter;
    spdlog::logger& logger;
    fuse_session* session = nullptr;
    RequestReader requests;
    std::atomic<bool> stopping = false;

    Mutex mutex{LockRank::kLeaf};
    CondVar changed;
    bool serving MEMCGFS_GUARDED_BY(mutex) = false;
    pthread_t server MEMCGFS_GUARDED_BY(mutex){};
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<void, std::string> Session::State::set_up(const Options& options,
                                                 const std::string& mount_point) {
    std::string name = "memcgfs";
    std::string flag = "-o";
    std::string values = mount_options(options);
    std::vector<char*> arguments = {name.data(), flag.data(), values.data(), nullptr};
    fuse_args args = FUSE_ARGS_INIT(3, arguments.data());
    const fuse_lowlevel_ops ops = all_ops();
    session = fuse_session_new(&args, &ops, sizeof(ops), &adapter);
    fuse_opt_free_args(&args);
    if (session == nullptr) {
        return Failed<std::string>{
            "libfuse refuses to start a session: look into the log for its reason."};
    }
    if (adapter.fast != nullptr) {
        adapter.fast->bind(session);
    }
    errno = 0;
    if (fuse_session_mount(session, mount_point.c_str()) != 0) {
        const std::string reason = errno != 0 ? std::strerror(errno) : "see the log";
        end_notifications();
        fuse_session_destroy(session);
        session = nullptr;
        return Failed<std::string>{"Mounting on " + mount_point + " failed (" + reason +
                                   "): run as root, or mount on a directory of your own."};
    }
    return {};
}

Result<std::unique_ptr<Session>, std::string> Session::create(vfs::Tree& tree,
                                                              OperationRunner& runner,
                                                              const Options& options,
                                                              spdlog::logger& logger) {
    if (auto why = why_not_mountable(options.mount_point, options.allow_other)) {
        return Failed<std::string>{*std::move(why)};
    }
    auto state = std::make_unique<State>(tree, runner, options, logger);
    MEMCGFS_TRY(state->set_up(options, options.mount_point));
    logger.info("mounted mount_point={}", options.mount_point);
    return std::unique_ptr<Session>(new Session(std::move(state)));
}

Result<std::unique_ptr<Session>, std::string> Session::attach(int fuse_fd, vfs::Tree& tree,
                                                              OperationRunner& runner,
                                                              const Options& options,
                                                              spdlog::logger& logger) {
    auto state = std::make_unique<State>(tree, runner, options, logger);
    if (auto done = state->set_up(options, "/dev/fd/" + std::to_string(fuse_fd)); !done.ok()) {
        if (state->session == nullptr) {
            ::close(fuse_fd);  // else the session closes it
        }
        return Failed<std::string>{done.error()};
    }
    logger.info("attached fd={}", fuse_fd);
    return std::unique_ptr<Session>(new Session(std::move(state)));
}

/// Waits for a request and handles it. Nothing, if a signal came first.
Result<void, std::string> Session::State::serve_one() {
    const int size = requests.read(session);
    if (size > 0) {
        fuse_session_process_buf(session, &requests.buffer());
    } else if (size < 0 && size != -EINTR && size != -EAGAIN) {
        return Failed<std::string>{std::string("Reading from /dev/fuse failed (") +
                                   std::strerror(-size) + "): unmount and start again."};
    }
    return {};
}

Result<void, std::string> Session::run() {
    State& state = *state_;
    if (state.adapter.fast != nullptr) {
        state.adapter.fast->start();  // before this thread lets a signal through
    }
    const WakeSignal signal;
    {
        const MutexLock lock(state.mutex);
        state.serving = true;
        state.server = ::pthread_self();
    }
    Result<void, std::string> outcome;
    while (outcome.ok() && !state.stopping && fuse_session_exited(state.session) == 0) {
        outcome = state.serve_one();
    }
    {
        const MutexLock lock(state.mutex);
        state.serving = false;
        state.changed.notify_all();
    }
    state.logger.info("serving has ended");
    return outcome;
}

std::function<void(vfs::DirKey)> Session::content_changed() const {
    return [fast = state_->adapter.fast](vfs::DirKey dir) {
        if (fast != nullptr) {
            fast->content_changed(dir);
        }
    };
}

void Session::stop() {
    State& state = *state_;
    state.end_notifications();  // while requests that one may wait for are still served
    state.stopping = true;
    const MutexLock lock(state.mutex);
    while (state.serving) {
        // The signal is lost if it comes just before the read: again, until one is not.
        ::pthread_kill(state.server, WakeSignal::kNumber);
        state.changed.wait_for(state.mutex, from_millis(1));
    }
}

}  // namespace memcgfs::fuse
