// SPDX-License-Identifier: MIT
//
// How many page faults are between one stop and the next.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "meter/fault_trap.h"
#include "meter/tracee.h"
#include "support/catch.hpp"
#include "unit/meter/followed.h"

namespace memcgfs::meter {
namespace {

constexpr std::size_t kPages = 1024;

bool has_traps() {
    const bool there = FaultTrap::set(0).ok();
    if (!there) {
        WARN("page faults cannot be counted here");
    }
    return there;
}

/// A number that other processes which come of this one have, too.
struct SharedCount {
    SharedCount()
        : value(static_cast<std::atomic<std::uint64_t>*>(
              mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        *value = 0;
    }
    ~SharedCount() { munmap(value, kPage); }
    SharedCount(const SharedCount&) = delete;
    SharedCount& operator=(const SharedCount&) = delete;

    /// Counts the pages that are there.
    void touch(std::size_t pages) const {
        auto* const start = static_cast<volatile char*>(mmap(
            nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        madvise(const_cast<char*>(start), pages * kPage, MADV_NOHUGEPAGE);
        for (std::size_t page = 0; page < pages; ++page) {
            start[page * kPage] = 1;
            (*value)++;
        }
    }
    std::atomic<std::uint64_t>* const value;
};

/// Touches so many pages whenever it is let go on from its own signal; traced by the test.
class Toucher {
public:
    Toucher() {
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            followed_.take();
            for (;;) {
                raise(SIGUSR1);
                touch(kPages * kPage >> 20U);
            }
        }
        REQUIRE(seize(pid_).ok());
        followed_.give();
        CHECK(run() == 0);
    }
    ~Toucher() {
        kill(pid_, SIGKILL);
        for (int status = 0; waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status);) {
            let_go(pid_);
        }
    }
    Toucher(const Toucher&) = delete;
    Toucher& operator=(const Toucher&) = delete;

    pid_t pid() const { return pid_; }
    /// How often it stops in its traps before it asks to go on.
    int run() {
        int traps = 0;
        for (int status = 0; waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status);) {
            if (kind_of_stop(status) == StopKind::kSignal && WSTOPSIG(status) == SIGUSR1) {
                return traps;
            }
            traps += is_fault_trap(pid_) ? 1 : 0;
            let_go(pid_);
        }
        return -1;
    }

private:
    Signal followed_;
    pid_t pid_ = 0;
};

TEST_CASE("a trap comes after as many faults as it was last told") {
    if (!has_traps()) {
        return;
    }
    Toucher toucher;
    auto trap = FaultTrap::set(toucher.pid(), 256);
    REQUIRE(trap.ok());
    const auto traps_in_a_run = [&] {
        let_go(toucher.pid());
        return toucher.run();
    };
    // Some faults are for the stack, and those of one run may be the next one's.
    const int seldom = traps_in_a_run();
    CHECK(seldom >= static_cast<int>(kPages / 256));
    CHECK(seldom <= static_cast<int>(kPages / 256) + 2);
    trap.value().come_after(64);
    const int often = traps_in_a_run();
    CHECK(often >= static_cast<int>(kPages / 64));
    CHECK(often <= static_cast<int>(kPages / 64) + 2);
    CHECK(trap.value().faults() == 64);
    CHECK(trap.value().most_faults() == 256);
}

TEST_CASE("a limit that comes near is not missed by who was far from any") {
    if (!has_traps()) {
        return;
    }
    World world;
    const SharedCount touched;
    Signal told;
    Signal begin;
    const bool forks = GENERATE(false, true);
    const pid_t pid = world.start([&] {
        touch(8);  // its traps come seldom now
        told.give();
        begin.take();
        if (forks && fork() != 0) {
            int status = 0;
            wait(&status);
            raise(WTERMSIG(status));
        }
        touched.touch(kPages);
    });
    REQUIRE(told.comes());
    world.follower->settle(world.group->id);
    const Pages room{100};
    const auto usage = [&] {
        const MutexLock lock(world.engine_mutex);
        return world.group->memcg->memory.usage();
    };
    world.limit(usage() + room);
    // As when it is moved into the group.
    world.follower->moved(pid);
    world.follower->await_moves();
    begin.give();
    CHECK(world.wait_for(pid) == SIGKILL);
    CHECK(*touched.value <= room.count() + 2 * FaultTrap::kFewest);
    CHECK(*touched.value > room.count() / 2);
}

}  // namespace
}  // namespace memcgfs::meter
