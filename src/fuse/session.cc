// SPDX-License-Identifier: MIT
#include "memcgfs/fuse/session.h"

#include <fuse_lowlevel.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "fuse/adapter.h"
#include "fuse/log.h"
#include "fuse/mount_check.h"
#include "fuse/server.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::fuse {

namespace {

void init(void* /*user_data*/, fuse_conn_info* connection) {
    // Fast reads build on it. Every kernel has it that libfuse 3 runs on.
    connection->want |= connection->capable & FUSE_CAP_AUTO_INVAL_DATA;
    // A truncation by open(2) comes with the open, which is where its permission is checked.
    connection->want |= connection->capable & FUSE_CAP_ATOMIC_O_TRUNC;
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

Server::Look look_of(const Session::Options& options) {
    return options.on_request ? [told = options.on_request](const fuse_buf&) { told(); }
                              : Server::Look();
}

std::string mount_options(const Session::Options& options) {
    std::string text = options.rights == nullptr ? "default_permissions," : "";
    text += "subtype=memcgfs,fsname=";
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
        : adapter(tree, runner, options.exclusive, options.deliver),
          logger(the_logger),
          server(look_of(options)) {
        MEMCGFS_ASSERT(!options.fast_reads || options.rights == nullptr);
        adapter.rights = options.rights;
        if (options.fast_reads) {
            adapter.fast = std::make_shared<FastNodes>(tree, adapter.expirer);
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
    void end_notifications() {
        adapter.expirer->stop();
        if (adapter.fast != nullptr) {
            adapter.fast->close();
        }
    }

    Adapter adapter;
    spdlog::logger& logger;
    fuse_session* session = nullptr;
    Server server;
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
    adapter.session = session;
    adapter.expirer->bind(session);
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

Result<void, std::string> Session::run() {
    State& state = *state_;
    state.adapter.expirer->start();  // before this thread lets a signal through
    auto outcome = state.server.run(state.session);
    state.logger.info("serving has ended");
    return outcome;
}

std::function<void(vfs::DirKey)> Session::content_changed() const {
    // Who keeps it may outlive the tree, whose open files the nodes hold.
    return [weak = std::weak_ptr(state_->adapter.fast)](vfs::DirKey dir) {
        if (const auto fast = weak.lock()) {
            fast->content_changed(dir);
        }
    };
}

void Session::stop() {
    State& state = *state_;
    state.end_notifications();  // while requests that one may wait for are still served
    state.server.stop();
}

}  // namespace memcgfs::fuse
