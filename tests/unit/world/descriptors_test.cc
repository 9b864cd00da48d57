// SPDX-License-Identifier: MIT
//
// Real descriptors of real processes.
#include "memcgfs/world/descriptors.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>

#include "child.h"
#include "support/catch.hpp"

namespace memcgfs::world {
namespace {

/// A child that makes an eventfd, tells its number, and says what it then reads from it.
struct Listener {
    Pipe number;
    Pipe told;
    Pipe leave;
    Child child{[this] {
        const int fd = eventfd(0, 0);
        number.send(fd);
        eventfd_t count = 0;
        if (eventfd_read(fd, &count) == 0) {
            told.send(static_cast<std::int32_t>(count));
        }
        leave.receive();
    }};
};

TEST_CASE("a tick reaches another process' eventfd", "[world]") {
    Listener listener;
    const auto number = static_cast<std::uint32_t>(listener.number.receive());
    auto shared = share_eventfd(listener.child.pid(), number);
    REQUIRE(shared.ok());
    (*shared)->signal();
    CHECK(listener.told.receive() == 1);
    CHECK((*shared)->held());
    ::kill(listener.child.pid(), SIGKILL);
    listener.child.wait();
    CHECK_FALSE((*shared)->held());
    (*shared)->signal();
}

TEST_CASE("an eventfd that a child inherited is still held", "[world]") {
    const int fd = eventfd(0, EFD_NONBLOCK);
    auto shared = share_eventfd(getpid(), static_cast<std::uint32_t>(fd));
    REQUIRE(shared.ok());
    Pipe ready;
    Pipe leave;
    Child heir([&] {
        ready.send(1);
        leave.receive();
    });
    REQUIRE(ready.receive() == 1);
    close(fd);
    CHECK((*shared)->held());
}

TEST_CASE("a full eventfd does not stop the daemon", "[world]") {
    const int fd = eventfd(0, 0);
    REQUIRE(eventfd_write(fd, UINT64_MAX - 1) == 0);
    auto shared = share_eventfd(getpid(), static_cast<std::uint32_t>(fd));
    REQUIRE(shared.ok());
    (*shared)->signal();
    eventfd_t count = 0;
    REQUIRE(eventfd_read(fd, &count) == 0);
    CHECK(count == UINT64_MAX - 1);
    close(fd);
}

TEST_CASE("what is no eventfd is refused", "[world]") {
    const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    const auto number = static_cast<std::uint32_t>(file);
    CHECK(share_eventfd(getpid(), number).error() == Errno::kEINVAL);
    CHECK(share_eventfd(getpid(), 987654).error() == Errno::kEBADF);
    CHECK(look_at_descriptor(getpid(), 987654).error() == Errno::kEBADF);
    struct stat status {};
    REQUIRE(fstat(file, &status) == 0);
    const auto seen = look_at_descriptor(getpid(), number);
    REQUIRE(seen.ok());
    CHECK(seen->device == status.st_dev);
    CHECK(seen->inode == status.st_ino);
    CHECK(seen->regular);
    const auto devices = devices_with_open_inode(getpid(), status.st_ino);
    CHECK(std::find(devices.begin(), devices.end(), status.st_dev) != devices.end());
    close(file);
    const int path = open("/", O_PATH | O_CLOEXEC);
    CHECK(look_at_descriptor(getpid(), static_cast<std::uint32_t>(path)).error() == Errno::kEBADF);
    close(path);
}

}  // namespace
}  // namespace memcgfs::world
