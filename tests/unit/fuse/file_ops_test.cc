// SPDX-License-Identifier: MIT
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include <atomic>
#include <csignal>
#include <vector>

#include "unit/fuse/mounted.h"

namespace memcgfs::fuse::testing {
namespace {

TEST_CASE("reads and writes on one descriptor share the position", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    m.provider.set_value(FakeProvider::kRoot, "abcdefgh\n");
    const Fd fd(m.path("fake.value"), O_RDWR);
    char buffer[16];
    CHECK(::read(fd.get(), buffer, 3) == 3);
    CHECK(::write(fd.get(), "WXYZ", 4) == 4);
    CHECK(::lseek(fd.get(), 0, SEEK_CUR) == 7);
    CHECK(::pread(fd.get(), buffer, sizeof(buffer), 0) == 4);
    CHECK(std::string_view(buffer, 4) == "WXYZ");
    CHECK(::pwrite(fd.get(), "5", 1, 999999) == 1);
    CHECK(read_file(m.path("fake.value")) == "5");
}

TEST_CASE("a write is one command", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const Fd fd(m.path("fake.value"), O_WRONLY | O_TRUNC | O_APPEND);
    const std::string text(200000, '1');
    CHECK(::write(fd.get(), text.data(), 4096) == 4096);
    CHECK(errno_of(::write(fd.get(), text.data(), 4097)) == E2BIG);
    CHECK(errno_of(::write(fd.get(), text.data(), text.size())) == E2BIG);
    CHECK(::write(fd.get(), text.data(), 0) == 0);
    CHECK(errno_of(::write(fd.get(), "invalid", 7)) == EINVAL);
    char one[] = "40";
    char two[] = "96";
    char three[] = "\n";
    const iovec parts[] = {{one, 2}, {two, 2}, {three, 1}};
    CHECK(::writev(fd.get(), parts, 3) == 5);
    CHECK(m.provider.stored().back() == "4096\n");
    CHECK(m.provider.stored().size() == 3);
    const vfs::FileContext context = m.provider.last_context();
    CHECK(context.opener.pid == ::gettid());
    CHECK(context.caller.pid == ::gettid());
    CHECK(context.caller.uid == 0);
}

TEST_CASE("root is refused by the handlers, not by the mode", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    char byte = 0;
    const Fd write_only(m.path("fake.write_only"), O_RDWR);
    CHECK(errno_of(::read(write_only.get(), &byte, 1)) == EINVAL);
    const Fd read_only(m.path("fake.read_only"), O_RDWR);
    CHECK(errno_of(::write(read_only.get(), "1", 1)) == EINVAL);
}

TEST_CASE("a long list comes in pieces of whole lines", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    std::string list;
    for (int pid = 1000; pid < 3000; pid++) {
        list += std::to_string(pid) + "\n";
    }
    m.provider.set_list(list);
    const Fd fd(m.path("tasks"), O_RDONLY);
    std::vector<char> buffer(65536);
    CHECK(::read(fd.get(), buffer.data(), buffer.size()) == 4095);
    CHECK(list.substr(0, 4095) + read_all(fd.get()) == list);
}

void ignore_signal(int) {}

/// Signals reach blocked calls, which are not restarted.
void catch_signal() {
    struct sigaction action{};
    action.sa_handler = ignore_signal;
    REQUIRE(::sigaction(SIGUSR1, &action, nullptr) == 0);
}

TEST_CASE("many writers may wait at once while others are served", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    m.make_blocking();
    constexpr int kWriters = 40;
    std::atomic<int> written{0};
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; i++) {
        // One group each: the kernel lets one writer at a time into an inode.
        const std::string group = m.path("g" + std::to_string(i));
        REQUIRE(::mkdir(group.c_str(), 0755) == 0);
        writers.emplace_back([group, &written] {
            const Fd fd(group + "/fake.blocking", O_WRONLY);
            if (::write(fd.get(), "12345", 5) == 5) {
                written++;
            }
        });
    }
    m.runner.wait_for_submitted(kWriters);
    CHECK(written == 0);
    CHECK(read_file(m.path("fake.value")) == "0\n");
    CHECK(read_file(m.path("g0/fake.blocking")) == "12345");
    m.open_gate();
    for (std::thread& writer : writers) {
        writer.join();
    }
    CHECK(written == kWriters);
}

TEST_CASE("a signal ends a waiting write", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    m.make_blocking();
    catch_signal();
    for (std::size_t round = 1; round <= 20; round++) {
        std::atomic<int> error{-1};
        std::thread writer([&] {
            const Fd fd(m.path("fake.blocking"), O_WRONLY);
            error = errno_of(::write(fd.get(), "1", 1));
        });
        m.runner.wait_for_submitted(round);
        ::pthread_kill(writer.native_handle(), SIGUSR1);
        writer.join();
        CHECK(error == EINTR);
    }
}

TEST_CASE("signals at any moment lose no answer", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    m.make_blocking();
    catch_signal();
    std::atomic<bool> done{false};
    std::atomic<int> other{0};
    // The gate stays shut: only an interrupt ends a write, so a lost one hangs the test.
    std::thread writer([&] {
        const Fd fd(m.path("fake.blocking"), O_WRONLY);
        for (int i = 0; i < 200; i++) {
            if (errno_of(::write(fd.get(), "1", 1)) != EINTR) {
                other++;
            }
        }
        done = true;
    });
    while (!done) {
        ::pthread_kill(writer.native_handle(), SIGUSR1);
        std::this_thread::yield();
    }
    writer.join();
    CHECK(other == 0);
}

TEST_CASE("the session's end interrupts what waits", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    int error = -1;
    std::thread writer;
    {
        Mounted m;
        m.make_blocking();
        writer = std::thread([&error, path = m.path("fake.blocking")] {
            const Fd fd(path, O_WRONLY);
            error = errno_of(::write(fd.get(), "1", 1));
        });
        m.runner.wait_for_submitted(1);
    }
    writer.join();
    CHECK(error == EINTR);
}

TEST_CASE("poll waits for a notification", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const Fd fd(m.path("fake.events"), O_RDONLY);
    pollfd wanted{fd.get(), POLLPRI, 0};
    CHECK(::poll(&wanted, 1, 0) == 1);
    CHECK(wanted.revents == (POLLPRI | POLLERR));
    for (int round = 0; round < 50; round++) {
        CHECK(::lseek(fd.get(), 0, SEEK_SET) == 0);
        CHECK(read_all(fd.get()) == "0\n");
        CHECK(::poll(&wanted, 1, 0) == 0);
        std::thread notifier(
            [&] { m.tree.notify(FakeProvider::kRoot, vfs::FileIndex{vfs::testing::kEvents}); });
        CHECK(::poll(&wanted, 1, -1) == 1);
        CHECK(wanted.revents == (POLLPRI | POLLERR));
        notifier.join();
    }
}

TEST_CASE("epoll gives one edge for a notification", "[fuse]") {
    if (!can_mount()) {
        return;
    }
    Mounted m;
    const Fd fd(m.path("fake.events"), O_RDONLY);
    CHECK(read_all(fd.get()) == "0\n");
    const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLPRI | EPOLLET;
    REQUIRE(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) == 0);
    CHECK(::epoll_wait(epoll.get(), &event, 1, 0) == 0);
    m.tree.notify(FakeProvider::kRoot, vfs::FileIndex{vfs::testing::kEvents});
    CHECK(::epoll_wait(epoll.get(), &event, 1, -1) == 1);
    CHECK(event.events == (EPOLLPRI | EPOLLERR));
    CHECK(::epoll_wait(epoll.get(), &event, 1, 0) == 0);
}

}  // namespace
}  // namespace memcgfs::fuse::testing
