// SPDX-License-Identifier: MIT
//
// Clients that keep much, die, or never look.
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <vector>

#include "unit/fuse/mounted.h"

namespace memcgfs::fuse::testing {
namespace {

/// As many descriptors as are asked for, for as long as this lives.
class ManyFiles {
public:
    explicit ManyFiles(rlim_t wanted) {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const rlimit raised{std::max(wanted, before_.rlim_cur), before_.rlim_max};
        enough_ = wanted <= before_.rlim_max && ::setrlimit(RLIMIT_NOFILE, &raised) == 0;
    }
    ~ManyFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    ManyFiles(const ManyFiles&) = delete;
    ManyFiles& operator=(const ManyFiles&) = delete;
    bool enough() const { return enough_; }

private:
    rlimit before_{};
    bool enough_ = false;
};

TEST_CASE("ten thousand files stay open in directories that have gone", "[fuse]") {
    constexpr int kDirectories = 100;
    constexpr int kFilesOfOne = 100;
    const ManyFiles limit(kDirectories * kFilesOfOne + 100);
    if (!can_mount()) {
        return;
    }
    if (!limit.enough()) {
        std::cerr << "skipped: this needs ten thousand descriptors (ulimit -Hn)\n";
        return;
    }
    Mounted m;
    std::vector<std::unique_ptr<Fd>> files;
    for (int i = 0; i < kDirectories; i++) {
        const std::string directory = m.path("d" + std::to_string(i));
        REQUIRE(::mkdir(directory.c_str(), 0755) == 0);
        for (int j = 0; j < kFilesOfOne; j++) {
            files.push_back(std::make_unique<Fd>(directory + "/fake.value", O_RDWR));
            REQUIRE(files.back()->get() >= 0);
        }
        REQUIRE(::rmdir(directory.c_str()) == 0);
    }
    int gone = 0;
    for (const auto& file : files) {
        char byte = 0;
        pollfd wanted{file->get(), POLLPRI, 0};
        gone += errno_of(::read(file->get(), &byte, 1)) == ENODEV &&
                        errno_of(::write(file->get(), "1", 1)) == ENODEV &&
                        ::poll(&wanted, 1, 0) == 1
                    ? 1
                    : 0;
    }
    CHECK(gone == kDirectories * kFilesOfOne);
    // The names can be used again, and the old files are not those of the new directory.
    REQUIRE(::mkdir(m.path("d0").c_str(), 0755) == 0);
    CHECK(read_file(m.path("d0/fake.value")) == "0\n");
    char byte = 0;
    CHECK(errno_of(::pread(files.front()->get(), &byte, 1, 0)) == ENODEV);
    files.clear();
    CHECK(read_file(m.path("fake.value")) == "0\n");
}

TEST_CASE("who is killed in the middle of a write leaves nothing behind", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    m.make_blocking();
    REQUIRE(::mkdir(m.path("d").c_str(), 0755) == 0);
    for (std::size_t round = 1; round <= 20; round++) {
        const pid_t child = ::fork();
        if (child == 0) {
            const Fd fd(m.path("d/fake.blocking"), O_WRONLY);
            ::_exit(::write(fd.get(), "1", 1) == 1 ? 0 : 1);
        }
        m.runner.wait_for_submitted(round);
        REQUIRE(::kill(child, SIGKILL) == 0);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        CHECK(read_file(m.path("d/fake.value")) == "1");  // others are served
    }
    CHECK(::rmdir(m.path("d").c_str()) == 0);
}

TEST_CASE("notifications that nobody looks at wait as one", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const Fd fd(m.path("fake.events"), O_RDONLY);
    CHECK(read_all(fd.get()) == "0\n");
    pollfd wanted{fd.get(), POLLPRI, 0};
    CHECK(::poll(&wanted, 1, 0) == 0);
    for (int i = 0; i < 100'000; i++) {
        m.tree.notify(FakeProvider::kRoot, vfs::FileIndex{vfs::testing::kEvents});
    }
    CHECK(::poll(&wanted, 1, -1) == 1);
    CHECK(wanted.revents == (POLLPRI | POLLERR));
    CHECK(::lseek(fd.get(), 0, SEEK_SET) == 0);
    CHECK(read_all(fd.get()) == "0\n");
    CHECK(::poll(&wanted, 1, 0) == 0);
}

}  // namespace
}  // namespace memcgfs::fuse::testing
