// SPDX-License-Identifier: MIT
//
// A FakeProvider's tree, mounted on a temporary directory and served by a thread.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "memcgfs/fuse/caller_rights.h"
#include "memcgfs/fuse/session.h"
#include "support/catch.hpp"
#include "unit/fuse/test_runner.h"
#include "unit/vfs/fake_provider.h"

namespace memcgfs::fuse::testing {

using vfs::testing::FakeProvider;

/// Says so once if nothing can be mounted here; the test then ends without a failure.
inline bool can_mount() {
    const int fd = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0 || ::geteuid() != 0) {
        std::cerr << "skipped: this needs /dev/fuse and root\n";
        return false;
    }
    ::close(fd);
    return true;
}

/// A descriptor that is closed in the end.
class Fd {
public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
    ~Fd() { reset(); }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = -1;
    }

private:
    int fd_;
};

inline spdlog::logger make_null_logger() {
    return spdlog::logger("test", std::make_shared<spdlog::sinks::null_sink_mt>());
}

class Mounted {
public:
    explicit Mounted(bool fast_reads = false)
        : provider(fast_reads),
          tree(
              provider, [] { return timespec{100, 0}; },
              vfs::Tree::Options{.root = FakeProvider::kRoot}) {
        std::string pattern = "/tmp/memcgfs-test-XXXXXX";
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        root = pattern;
        Session::Options options;
        options.mount_point = root;
        options.allow_other = true;
        options.fast_reads = fast_reads;
        options.rights = fast_reads ? nullptr : &rights;
        auto made = Session::create(tree, runner, options, logger);
        if (!made.ok()) {
            FAIL(made.error());
        }
        session = std::move(made).value();
        serving_ = std::thread([this] {
            sigset_t all;
            sigfillset(&all);
            ::pthread_sigmask(SIG_SETMASK, &all, nullptr);  // as the daemon's serving thread
            run_ok = session->run().ok();
        });
    }
    ~Mounted() {
        session->stop();
        serving_.join();
        session.reset();
        CHECK(run_ok);
        CHECK(::rmdir(root.c_str()) == 0);
    }
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;

    std::string path(const std::string& name) const { return root + "/" + name; }

    /// From now on a write to fake.blocking, and a control message, waits for `gate`.
    void make_blocking() {
        provider.set_make_operation([this](std::string_view) {
            next_operation_++;
            return std::make_unique<WaitingOperation>(OperationId{next_operation_}, gate);
        });
    }
    void open_gate() {
        gate.open();
        runner.wake_all();
    }

    FakeProvider provider;
    vfs::Tree tree;
    Gate gate;
    TestRunner runner;
    spdlog::logger logger = make_null_logger();
    std::string root;
    ProcCallerRights rights;
    std::unique_ptr<Session> session;
    bool run_ok = false;

private:
    std::uint64_t next_operation_ = 0;  // under the provider's lock
    std::thread serving_;
};

/// The errno of a call that gave `result`; 0 for success.
inline int errno_of(long result) { return result < 0 ? errno : 0; }

inline std::string read_all(int fd) {
    std::string content;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = ::read(fd, buffer, sizeof(buffer))) > 0) {
        content.append(buffer, static_cast<std::size_t>(got));
    }
    CHECK(got == 0);
    return content;
}

inline std::string read_file(const std::string& path) {
    const Fd fd(path, O_RDONLY);
    REQUIRE(fd.get() >= 0);
    return read_all(fd.get());
}

inline struct stat stat_of_path(const std::string& path) {
    struct stat status{};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status;
}

}  // namespace memcgfs::fuse::testing
