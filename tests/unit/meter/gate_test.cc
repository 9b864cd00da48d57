// SPDX-License-Identifier: MIT
//
// Page faults that wait: where this host lets nobody have them, there is nothing to try.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <variant>

#include "meter/fault_gate.h"
#include "meter/private_memory.h"
#include "meter/remote_calls.h"
#include "meter/tracee.h"
#include "support/catch.hpp"
#include "unit/meter/followed.h"

namespace memcgfs::meter {
namespace {

constexpr std::size_t kPages = 1024;
constexpr std::size_t kBytes = kPages * kPageSize;

int make_file() { return static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)); }

/// Said, so that a run in which nothing was tried shows it.
bool has_gates() {
    const UniqueFd file(make_file());
    if (!file.valid()) {
        WARN("page faults cannot be made to wait here");
    }
    return file.valid();
}

/// Private memory and a number, which other processes that come of this one have, too.
struct Memory {
    Memory()
        : start(static_cast<char*>(
              mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
          touched(static_cast<std::atomic<std::uint64_t>*>(mmap(
              nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        madvise(start, kBytes, MADV_NOHUGEPAGE);
        *touched = 0;
    }
    ~Memory() {
        munmap(start, kBytes);
        munmap(touched, kPageSize);
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    void touch(std::size_t from, std::size_t to) const {
        for (std::size_t page = from; page < to; ++page) {
            start[page * kPageSize] = static_cast<char>(page % 100 + 1);
            (*touched)++;
        }
    }
    bool is_right(std::size_t pages) const {
        for (std::size_t page = 0; page < pages; ++page) {
            if (start[page * kPageSize] != static_cast<char>(page % 100 + 1) ||
                start[page * kPageSize + 1] != 0) {
                return false;
            }
        }
        return true;
    }

    char* const start;
    std::atomic<std::uint64_t>* const touched;
};

FaultGate::Fault next_fault(FaultGate& gate) {
    pollfd file{gate.file(), POLLIN, 0};
    REQUIRE(poll(&file, 1, kPatienceMs) == 1);
    const auto message = gate.next();
    REQUIRE(message);
    return std::get<FaultGate::Fault>(*message);
}

TEST_CASE("who touches what is missing waits until it is put") {
    if (!has_gates()) {
        return;
    }
    const Memory memory;
    const auto start = reinterpret_cast<std::uint64_t>(memory.start);
    auto gate = FaultGate::open(UniqueFd(make_file()));
    REQUIRE(gate.ok());
    REQUIRE(gate->guard(start, kBytes).ok());

    std::atomic<int> tid = 0;
    std::thread toucher([&] {
        tid = gettid();
        memory.touch(2, 5);
        static_cast<void>(*static_cast<volatile char*>(memory.start));
    });
    FaultGate::Fault fault = next_fault(*gate);
    CHECK(fault.address == start + 2 * kPageSize);
    CHECK(fault.write);
    CHECK(fault.tid == tid);
    CHECK(*memory.touched == 0);
    CHECK(gate->fill(fault.address, Pages{2}) == Pages{2});
    fault = next_fault(*gate);
    CHECK(fault.address == start + 4 * kPageSize);
    CHECK(*memory.touched == 2);
    // A second one of them is there already; who waits for it goes on all the same.
    CHECK(gate->fill(fault.address - kPageSize, Pages{2}) == Pages{0});
    CHECK(gate->fill(fault.address, Pages{1}) == Pages{1});
    fault = next_fault(*gate);
    CHECK(fault.address == start);
    CHECK_FALSE(fault.write);
    CHECK(gate->fill_with_zero_page(fault.address, Pages{1}) == Pages{1});
    toucher.join();
    CHECK_FALSE(gate->next());
}

TEST_CASE("a process's private memory is found") {
    const Memory memory;
    const auto start = reinterpret_cast<std::uint64_t>(memory.start);
    const auto shared = reinterpret_cast<std::uint64_t>(memory.touched);
    bool has_start = false;
    bool has_heap = false;
    for (const PrivateMemory& part : private_memory_of(getpid())) {
        has_start = has_start || (part.start <= start && start + kBytes <= part.end);
        has_heap = has_heap || part.is_heap;
        CHECK_FALSE((part.start <= shared && shared < part.end));
    }
    CHECK(has_start);
    CHECK(has_heap);
}

TEST_CASE("a thread in a stop makes calls and does not know") {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char byte = 0;
        // The read is interrupted, and made again.
        _exit(read(ends[0], &byte, 1) == 1 ? byte : 1);
    }
    const SignalsBlocked blocked;
    if (!seize(child).ok()) {
        WARN("nobody may be traced here");
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        return;
    }
    int status = 0;
    interrupt(child);
    REQUIRE(waitpid(child, &status, __WALL) == child);
    REQUIRE(kind_of_stop(status) == StopKind::kHalted);
    {
        auto calls = RemoteCalls::begin(child, child);
        if (calls) {
            CHECK(*calls->make(SYS_getpid, {0, 0, 0}) == child);
            CHECK(calls->make(SYS_close, {12345, 0, 0}).error() == Errno::kEBADF);
            const auto here = static_cast<std::uint64_t>(AT_FDCWD);
            CHECK(calls->make_with("/dev/nullX", 1, SYS_openat, {here, 0, O_RDONLY}).error() ==
                  Errno::kENOENT);
            const auto file = calls->make_with("/dev/null", 1, SYS_openat, {here, 0, O_RDONLY});
            CHECK(file.ok());
            CHECK_FALSE(calls->killed());
        } else {
            WARN("no thread can be made to make calls here");
        }
    }
    interrupt(child);
    let_go(child);
    for (;;) {
        REQUIRE(waitpid(child, &status, __WALL) == child);
        if (kind_of_stop(status) == StopKind::kGone) {
            break;
        }
        let_go(child);
        if (kind_of_stop(status) == StopKind::kHalted) {
            REQUIRE(write(ends[1], "\x2a", 1) == 1);
        }
    }
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("one that is killed meanwhile is told of") {
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
    const SignalsBlocked blocked;
    int status = 0;
    if (seize(child).ok()) {
        interrupt(child);
        REQUIRE(waitpid(child, &status, __WALL) == child);
        auto calls = RemoteCalls::begin(child, child);
        kill(child, SIGKILL);
        if (calls) {
            CHECK(calls->make(SYS_getpid, {0, 0, 0}).error() == Errno::kESRCH);
            CHECK(calls->make(SYS_getpid, {0, 0, 0}).error() == Errno::kESRCH);
        }
        let_go(child);
    }
    kill(child, SIGKILL);
    while (waitpid(child, &status, __WALL) == child && !WIFSIGNALED(status)) {
        let_go(child);
    }
}

TEST_CASE("behind a gate no page beyond the limit is touched") {
    if (!has_gates()) {
        return;
    }
    const Memory memory;
    World world(engine::Layout::kV2, Tier::kGates);
    world.limit(Pages{600});
    const pid_t pid = world.start([&] { memory.touch(0, kPages); });
    const int status = world.wait_for(pid);
    CHECK(WIFSIGNALED(status));
    CHECK(*memory.touched <= 600);
    CHECK(*memory.touched > 400);
}

TEST_CASE("behind a gate little is put ahead of who touches runs of pages") {
    if (!has_gates()) {
        return;
    }
    constexpr std::size_t kRun = 64;
    const Memory memory;
    World world(engine::Layout::kV2, Tier::kGates);
    Signal told;
    const pid_t pid = world.start([&] {
        for (std::size_t place = 0; place < kPages; place += kPages / 4) {
            memory.touch(place, place + kRun);
        }
        told.give();
        pause();
    });
    REQUIRE(told.comes());
    world.follower->settle(world.group->id);
    CHECK(world.anon() >= Pages{4 * kRun});
    CHECK(world.anon() <= Pages{5 * kRun});
    kill(pid, SIGKILL);
    CHECK(world.wait_for(pid) == SIGKILL);
}

TEST_CASE("behind a gate a thread waits for room, and finds its memory") {
    if (!has_gates()) {
        return;
    }
    const Memory memory;
    World world(engine::Layout::kV1, Tier::kGates);
    world.limit(Pages{600});
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.set_oom_kill_disable(*world.group->memcg, true);
    }
    const pid_t pid = world.start([&] {
        memory.touch(0, kPages);
        const pid_t child = fork();
        if (child == 0) {
            _exit(memory.is_right(kPages) ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        _exit(status == 0 && memory.is_right(kPages) ? 7 : 1);
    });
    REQUIRE(world.becomes([&] { return world.waits_for_room(); }));
    CHECK(*memory.touched <= 600);
    SECTION("which comes") { world.limit(Pages{2048}); }
    SECTION("until nobody follows it any more") {
        world.follower->stop();
        int status = 0;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        world.note(pid, status);
    }
    const int status = world.wait_for(pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
    CHECK(*memory.touched == kPages);
}

}  // namespace
}  // namespace memcgfs::meter
