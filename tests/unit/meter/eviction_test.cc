// SPDX-License-Identifier: MIT
//
// Pages that leave memory when the books have them in swap. Where this host lets nobody have page
// faults or system calls, there is nothing to try.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <thread>

#include "meter/victims.h"
#include "support/catch.hpp"
#include "unit/meter/followed.h"

namespace memcgfs::meter {
namespace {

constexpr std::size_t kPages = 1280;
constexpr std::size_t kBytes = kPages * kPageSize;
constexpr Pages kLimit{400};
/// What a program has besides, and may be evicted in its place.
constexpr Pages kSlack{150};

/// Said, so that a run in which nothing was tried shows it.
bool can_evict() {
    const auto file = Follower::make_swap_file("/tmp");
    if (!file.ok()) {
        WARN(file.error());
    }
    return file.ok();
}

/// Private memory with a pattern in each page.
struct Pattern {
    Pattern()
        : start(static_cast<char*>(
              mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        madvise(start, kBytes, MADV_NOHUGEPAGE);
    }
    ~Pattern() { munmap(start, kBytes); }
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;

    std::uint64_t* words(std::size_t page) const {
        return reinterpret_cast<std::uint64_t*>(start + page * kPageSize);
    }
    void write(std::size_t from, std::size_t to, std::uint64_t salt = 0) const {
        for (std::size_t page = from; page < to; ++page) {
            for (std::size_t word = 0; word < kPageSize / 8; ++word) {
                words(page)[word] = salt + page * 1000003 + word + 1;
            }
        }
    }
    bool is_right(std::size_t from, std::size_t to, std::uint64_t salt = 0) const {
        for (std::size_t page = from; page < to; ++page) {
            for (std::size_t word = 0; word < kPageSize / 8; ++word) {
                if (words(page)[word] != salt + page * 1000003 + word + 1) {
                    return false;
                }
            }
        }
        return true;
    }
    bool is_zero(std::size_t from, std::size_t to) const {
        for (std::size_t page = from; page < to; ++page) {
            for (std::size_t word = 0; word < kPageSize / 8; ++word) {
                if (words(page)[word] != 0) {
                    return false;
                }
            }
        }
        return true;
    }
    char* start;
};

/// Of the pattern.
Pages resident(pid_t pid, const Pattern& memory) {
    std::uint64_t pages = 0;
    for (std::size_t page = 0; page < kPages; ++page) {
        pages += is_present(pid, reinterpret_cast<std::uint64_t>(memory.words(page))) ? 1 : 0;
    }
    return Pages{pages};
}

struct EvictingWorld : World {
    EvictingWorld() : World(engine::Layout::kV2, Tier::kEviction) { limit(kLimit); }
    /// What is in swap by the books has left memory.
    bool is_evicted(pid_t pid, const Pattern& memory) {
        return becomes([&] { return resident(pid, memory) <= kLimit + kSlack; });
    }
    /// To bring back each page takes its time on a busy machine.
    int exit_status(pid_t pid) {
        int status = wait_for(pid);
        for (int turn = 0; status == -1 && turn < 5; ++turn) {
            status = wait_for(pid);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
    }
};

TEST_CASE("what is in swap has left memory, and comes back as it was") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    Signal written;
    Signal go_on;
    const pid_t pid = world.start([&] {
        memory.write(0, kPages);
        written.give();
        go_on.take();
        const bool right = memory.is_right(0, kPages);
        memory.write(0, kPages, 99);
        _exit(right && memory.is_right(0, kPages, 99) ? 7 : 1);
    });
    REQUIRE(written.comes());
    CHECK(world.is_evicted(pid, memory));
    CHECK(world.swapped() > Pages{kPages - kLimit.count() - 100});
    CHECK(world.anon() <= kLimit);
    go_on.give();
    CHECK(world.exit_status(pid) == 7);
    CHECK(world.peak() <= kLimit);
}

TEST_CASE("who has room again has his memory back in the books as he uses it") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    Signal written;
    Signal go_on;
    Signal read;
    const pid_t pid = world.start([&] {
        memory.write(0, kPages);
        written.give();
        go_on.take();
        const bool right = memory.is_right(0, kPages);
        read.give();
        go_on.take();
        _exit(right ? 7 : 1);
    });
    REQUIRE(written.comes());
    CHECK(world.is_evicted(pid, memory));
    world.limit(Pages{3 * kPages});
    CHECK(world.swapped() > Pages{500});
    go_on.give();
    REQUIRE(read.comes());
    world.follower->settle(world.group->id);
    CHECK(world.swapped() < Pages{150});
    CHECK(world.anon() + world.swapped() >= Pages{kPages});
    CHECK(resident(pid, memory) >= Pages{kPages});
    go_on.give();
    CHECK(world.exit_status(pid) == 7);
}

TEST_CASE("what a program gives up is not in swap any more, and empty") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    Signal written;
    Signal go_on;
    Signal dropped;
    constexpr std::size_t kDropped = 700;
    const auto with = [&](const std::function<bool()>& drop) {
        const pid_t pid = world.start([&] {
            memory.write(0, kPages);
            written.give();
            go_on.take();
            const bool done = drop();
            dropped.give();
            go_on.take();
            _exit(done && memory.is_zero(0, kDropped) && memory.is_right(kDropped, kPages) ? 7 : 1);
        });
        REQUIRE(written.comes());
        CHECK(world.is_evicted(pid, memory));
        CHECK(world.swapped() > Pages{700});
        go_on.give();
        REQUIRE(dropped.comes());
        world.follower->settle(world.group->id);
        CHECK(world.swapped() + world.anon() < Pages{kPages - kDropped} + kSlack);
        go_on.give();
        CHECK(world.exit_status(pid) == 7);
    };
    SECTION("by madvise") {
        with([&] { return madvise(memory.start, kDropped * kPageSize, MADV_DONTNEED) == 0; });
    }
    SECTION("by another mapping in its place") {
        with([&] {
            return mmap(memory.start, kDropped * kPageSize, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory.start;
        });
    }
    SECTION("by a mapping that comes later") {
        with([&] {
            return munmap(memory.start, kDropped * kPageSize) == 0 &&
                   mmap(memory.start, kDropped * kPageSize, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory.start;
        });
    }
}

TEST_CASE("what is moved is where it has been moved to") {
    if (!can_evict()) {
        return;
    }
    Pattern memory;
    EvictingWorld world;
    char* const place = static_cast<char*>(
        mmap(nullptr, 2 * kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const pid_t pid = world.start([&] {
        memory.write(0, kPages);
        memory.start = static_cast<char*>(
            mremap(memory.start, kBytes, 2 * kBytes, MREMAP_MAYMOVE | MREMAP_FIXED, place));
        const bool right = memory.is_right(0, kPages) && memory.is_zero(kPages, 2 * kPages);
        memory.write(0, 2 * kPages, 5);
        _exit(right && memory.is_right(0, 2 * kPages, 5) ? 7 : 1);
    });
    CHECK(world.exit_status(pid) == 7);
    munmap(place, 2 * kBytes);
}

TEST_CASE("a fork has what its parent has, each its own from then on") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    const pid_t pid = world.start([&] {
        memory.write(0, kPages);
        std::array<pid_t, 3> children{};
        for (pid_t& child : children) {
            child = fork();
            if (child == 0) {
                const bool right = memory.is_right(0, kPages);
                memory.write(0, kPages, 17);
                _exit(right && memory.is_right(0, kPages, 17) ? 0 : 1);
            }
        }
        bool right = true;
        for (const pid_t child : children) {
            int status = -1;
            waitpid(child, &status, 0);
            right = right && status == 0;
        }
        _exit(right && memory.is_right(0, kPages) ? 7 : 1);
    });
    CHECK(world.exit_status(pid) == 7);
}

TEST_CASE("what a fork is not to inherit is empty there") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    const pid_t pid = world.start([&] {
        madvise(memory.start, 256 * kPageSize, MADV_WIPEONFORK);
        madvise(memory.start + 256 * kPageSize, 256 * kPageSize, MADV_DONTFORK);
        memory.write(0, kPages);
        const pid_t child = fork();
        if (child == 0) {
            mmap(memory.start + 256 * kPageSize, 256 * kPageSize, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            _exit((memory.is_zero(0, 256) ? 0 : 1) | (memory.is_zero(256, 512) ? 0 : 2) |
                  (memory.is_right(512, kPages) ? 0 : 4));
        }
        int status = -1;
        waitpid(child, &status, 0);
        _exit(status == 0 && memory.is_right(0, kPages) ? 7 : 100 + (status >> 8));
    });
    CHECK(world.exit_status(pid) == 7);
}

TEST_CASE("who is let go has his memory back") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    Signal written;
    Signal go_on;
    const pid_t pid = world.start([&] {
        memory.write(0, kPages);
        written.give();
        go_on.take();
        _exit(memory.is_right(0, kPages) ? 7 : 1);
    });
    REQUIRE(written.comes());
    CHECK(world.is_evicted(pid, memory));
    SECTION("for another tracer") {
        CHECK(world.follower->give_up(pid, true));
        CHECK(resident(pid, memory) >= Pages{kPages});
        go_on.give();
        CHECK(world.exit_status(pid) == 7);
    }
    SECTION("at the end") {
        world.follower->stop();
        CHECK(resident(pid, memory) >= Pages{kPages});
        go_on.give();
        int status = 0;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        world.note(pid, status);
        CHECK(WEXITSTATUS(status) == 7);
    }
    SECTION("when a signal stops it") {
        kill(pid, SIGSTOP);
        CHECK(world.becomes([&] { return !is_traced(pid); }));
        CHECK(resident(pid, memory) >= Pages{kPages});
        go_on.give();
        kill(pid, SIGCONT);
        CHECK(world.exit_status(pid) == 7);
    }
}

TEST_CASE("none are evicted of who may have them pinned") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    Signal ready;
    Signal go_on;
    Signal written;
    const pid_t pid = world.start([&] {
        ready.give();
        go_on.take();
        memory.write(0, kPages);
        written.give();
        go_on.take();
        _exit(memory.is_right(0, kPages) ? 7 : 1);
    });
    REQUIRE(ready.comes());
    std::atomic<bool> gone_on = false;
    REQUIRE(world.follower->watch_pins(pid, [&] { gone_on = true; }));
    CHECK(world.becomes([&] { return gone_on.load(); }));
    go_on.give();
    REQUIRE(written.comes());
    world.follower->settle(world.group->id);
    CHECK(world.swapped() > Pages{500});
    CHECK(resident(pid, memory) >= Pages{kPages});
    go_on.give();
    CHECK(world.exit_status(pid) == 7);
}

TEST_CASE("others read and write evicted memory") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    Signal written;
    Signal go_on;
    const pid_t pid = world.start([&] {
        memory.write(0, kPages);
        written.give();
        go_on.take();
        _exit(memory.is_right(1, kPages) && memory.words(0)[0] == 4711 && memory.words(0)[1] == 2
                  ? 7
                  : 1);
    });
    REQUIRE(written.comes());
    CHECK(world.is_evicted(pid, memory));
    std::array<std::uint64_t, 2> words{};
    for (std::size_t page = 0; page < kPages; page += 7) {
        const iovec here{words.data(), sizeof words};
        const iovec there{memory.words(page), sizeof words};
        REQUIRE(process_vm_readv(pid, &here, 1, &there, 1, 0) == sizeof words);
        CHECK(words[1] == page * 1000003 + 2);
    }
    std::uint64_t word = 4711;
    const iovec here{&word, sizeof word};
    const iovec there{memory.words(0), sizeof word};
    CHECK(process_vm_writev(pid, &here, 1, &there, 1, 0) == sizeof word);
    go_on.give();
    CHECK(world.exit_status(pid) == 7);
}

TEST_CASE("threads end while their memory is evicted") {
    if (!can_evict()) {
        return;
    }
    const Pattern memory;
    EvictingWorld world;
    const pid_t pid = world.start([&] {
        bool right = true;
        for (int turn = 0; turn < 8; ++turn) {
            std::array<std::thread, 4> threads;
            for (std::size_t number = 0; number < threads.size(); ++number) {
                threads[number] = std::thread([&memory, number, turn] {
                    const std::size_t part = kPages / 4;
                    memory.write(number * part, (number + 1) * part,
                                 static_cast<std::uint64_t>(turn));
                });
            }
            for (std::thread& thread : threads) {
                thread.join();
            }
            right = right && memory.is_right(0, kPages, static_cast<std::uint64_t>(turn));
        }
        _exit(right ? 7 : 1);
    });
    CHECK(world.exit_status(pid) == 7);
}

}  // namespace
}  // namespace memcgfs::meter
