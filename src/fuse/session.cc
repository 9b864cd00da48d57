// SPDX-License-Identifier: MIT
#include "memcgfs/fuse/session.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "fuse/adapter.h"
#include "fuse/log.h"
#include "fuse/mount_check.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::fuse {

namespace {

void init(void*, fuse_conn_info* connection) {
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

}  // namespace

struct Session::State {
    State(vfs::Tree& tree, OperationRunner& runner, const Options& options,
          spdlog::logger& the_logger)
        : adapter(tree, runner, options.exclusive), logger(the_logger) {
        log_libfuse_to(logger);
    }
    ~State() {
        adapter.pending.interrupt_all_and_wait();
        adapter.polls->close();
        if (session != nullptr) {
            fuse_session_unmount(session);
            fuse_session_destroy(session);
        }
        if (stop_fd >= 0) {
            ::close(stop_fd);
        }
        std::free(buffer.mem);
        stop_logging_libfuse_to(logger);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Result<void, std::string> set_up(const Options& options, const std::string& mount_point);
    Result<void, std::string> serve_available();

    Adapter adapter;
    spdlog::logger& logger;
    fuse_session* session = nullptr;
    int stop_fd = -1;  ///< an eventfd, written by stop()
    fuse_buf buffer{};
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<void, std::string> Session::State::set_up(const Options& options,
                                                 const std::string& mount_point) {
    stop_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0) {
        return Failed<std::string>{std::string("No event descriptor could be made (") +
                                   std::strerror(errno) + "): raise the limit of open files."};
    }
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
    errno = 0;
    if (fuse_session_mount(session, mount_point.c_str()) != 0) {
        const std::string reason = errno != 0 ? std::strerror(errno) : "see the log";
        fuse_session_destroy(session);
        session = nullptr;
        return Failed<std::string>{"Mounting on " + mount_point + " failed (" + reason +
                                   "): run as root, or mount on a directory of your own."};
    }
    // The loop waits in poll(2), where stop() reaches it; a read must then not wait, for the
    // request that was announced may have been withdrawn.
    const int fd = fuse_session_fd(session);
    if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        return Failed<std::string>{std::string("The FUSE descriptor cannot be used (") +
                                   std::strerror(errno) + "): mount once more."};
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

/// Handles one request, if there is one.
Result<void, std::string> Session::State::serve_available() {
    const int size = fuse_session_receive_buf(session, &buffer);
    if (size > 0) {
        fuse_session_process_buf(session, &buffer);
    } else if (size < 0 && size != -EINTR && size != -EAGAIN) {
        return Failed<std::string>{std::string("Reading from /dev/fuse failed (") +
                                   std::strerror(-size) + "): unmount and start again."};
    }
    return {};
}

Result<void, std::string> Session::run() {
    State& state = *state_;
    pollfd wanted[] = {{fuse_session_fd(state.session), POLLIN, 0}, {state.stop_fd, POLLIN, 0}};
    while (fuse_session_exited(state.session) == 0) {
        if (::poll(wanted, 2, -1) < 0 && errno != EINTR) {
            return Failed<std::string>{std::string("Waiting for requests failed (") +
                                       std::strerror(errno) + "): unmount and start again."};
        }
        if (wanted[1].revents != 0) {
            break;
        }
        // Also with POLLERR, which is how an unmount shows: the read then says so.
        if (wanted[0].revents != 0) {
            MEMCGFS_TRY(state.serve_available());
        }
    }
    state.logger.info("serving has ended");
    return {};
}

void Session::stop() {
    const int saved_errno = errno;  // a signal handler may be the caller
    const std::uint64_t one = 1;
    // Fails only if the counter is full, and then the loop is awake already.
    const ssize_t written = ::write(state_->stop_fd, &one, sizeof(one));
    static_cast<void>(written);
    errno = saved_errno;
}

}  // namespace memcgfs::fuse
