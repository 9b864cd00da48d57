// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include <array>
#include <atomic>
#include <csignal>
#include <set>

#include "unit/fuse/mounted.h"

namespace memcgfs::fuse::testing {
namespace {

struct Message {
    std::array<char, 64> text{};
};
constexpr unsigned long kControl = _IOWR(kControlIoctlType, kControlIoctlNumber, Message);

TEST_CASE("readdir lists all, in hash order, with hashes as offsets", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    constexpr int kGroups = 1000;
    for (int i = 0; i < kGroups; i++) {
        REQUIRE(::mkdir(m.path("some-long-group-name-" + std::to_string(i)).c_str(), 0755) == 0);
    }
    DIR* directory = ::opendir(m.root.c_str());
    REQUIRE(directory != nullptr);
    std::set<std::string> names;
    std::uint32_t previous = 0;
    off_t resume = 0;
    std::string resumed_name;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = entry->d_name;
        CHECK(names.insert(name).second);
        if (name == "." || name == "..") {
            CHECK(entry->d_ino == 1);
            continue;
        }
        CHECK(vfs::name_hash(name) > previous);
        previous = vfs::name_hash(name);
        CHECK(entry->d_ino == stat_of_path(m.path(name)).st_ino);
        CHECK(entry->d_type == (name.starts_with("some") ? DT_DIR : DT_REG));
        if (names.size() == 500) {
            resume = entry->d_off;
        } else if (names.size() == 501) {
            resumed_name = name;
            CHECK(resume == static_cast<off_t>(vfs::name_hash(name)));
        }
    }
    CHECK(names.size() == kGroups + 2 + 6);
    ::seekdir(directory, resume);
    CHECK(::readdir(directory)->d_name == resumed_name);
    ::closedir(directory);
    CHECK(errno_of(::fsync(Fd(m.root, O_RDONLY).get())) == EINVAL);
}

TEST_CASE("a removed directory cannot be listed", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    REQUIRE(::mkdir(m.path("a").c_str(), 0755) == 0);
    DIR* directory = ::opendir(m.path("a").c_str());
    REQUIRE(directory != nullptr);
    REQUIRE(::rmdir(m.path("a").c_str()) == 0);
    errno = 0;
    CHECK(::readdir(directory) == nullptr);
    // The C library takes ENOENT for the end.
    CHECK((errno == ENOENT || errno == 0));
    ::closedir(directory);
}

TEST_CASE("the control ioctl works on directories alone", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const Fd directory(m.root, O_RDONLY);
    Message message{{"abc"}};
    REQUIRE(::ioctl(directory.get(), kControl, &message) == 0);
    CHECK(std::string_view(message.text.data() + 61, 3) == "cba");
    CHECK(m.provider.last_context().caller.pid == ::gettid());

    const Fd file(m.path("fake.value"), O_RDWR);
    CHECK(errno_of(::ioctl(file.get(), kControl, &message)) == ENOTTY);
    CHECK(errno_of(::ioctl(file.get(), TCGETS, &message)) == ENOTTY);
    CHECK(errno_of(::ioctl(directory.get(), TCGETS, &message)) == ENOTTY);
    CHECK(errno_of(::ioctl(directory.get(), _IOWR('m', 1, Message), &message)) == ENOTTY);
    CHECK(errno_of(::ioctl(directory.get(), _IOR('m', 0xC6, Message), &message)) == ENOTTY);
}

TEST_CASE("a control message may take its time, and be interrupted", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    m.make_blocking();
    struct sigaction action{};
    action.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGUSR1, &action, nullptr) == 0);
    std::atomic<int> error{-1};
    Message message{{"abc"}};
    const auto call = [&] {
        const Fd directory(m.root, O_RDONLY);
        error = errno_of(::ioctl(directory.get(), kControl, &message));
    };
    std::thread interrupted(call);
    m.runner.wait_for_submitted(1);
    ::pthread_kill(interrupted.native_handle(), SIGUSR1);
    interrupted.join();
    CHECK(error == EINTR);

    std::thread patient(call);
    m.runner.wait_for_submitted(2);
    CHECK(read_file(m.path("fake.value")) == "0\n");
    m.open_gate();
    patient.join();
    CHECK(error == 0);
    CHECK(std::string_view(message.text.data() + 61, 3) == "cba");
}

}  // namespace
}  // namespace memcgfs::fuse::testing
