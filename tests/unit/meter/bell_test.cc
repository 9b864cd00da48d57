// SPDX-License-Identifier: MIT
//
// Processes that nobody traces, but whose page faults are counted.
#include <sys/ptrace.h>
#include <unistd.h>

#include <csignal>

#include "followed.h"
#include "meter/fault_bell.h"
#include "meter/proc_look.h"
#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

/// How often the bell rings until nothing more comes.
int rings_of(const FaultBell& bell) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, FaultBell::signal());
    int rings = 0;
    siginfo_t info{};
    constexpr timespec kAtOnce{};
    while (sigtimedwait(&wanted, &info, &kAtOnce) > 0) {
        CHECK(bell.is_among({info.si_fd}));
        rings++;
    }
    return rings;
}

bool may_count() {
    Signal never;
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        never.take();
        _exit(0);
    }
    const bool may = FaultBell::hang(child, gettid()).ok();
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return may;
}

bool stops(World& world, pid_t pid) {
    return world.becomes([&] { return is_stopped(pid); });
}
bool runs(World& world, pid_t pid) {
    return world.becomes([&] { return !is_stopped(pid); });
}

#define NEEDS_COUNTING()                                       \
    if (!may_count()) {                                        \
        WARN("page faults of others may not be counted here"); \
        return;                                                \
    }                                                          \
    static_cast<void>(0)

TEST_CASE("a bell rings for each 64 faults of a process, its threads, forks and programs") {
    NEEDS_COUNTING();
    const SignalsBlocked blocked;
    Signal go;
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
        go.take();
        touch(1);
        if (fork() == 0) {
            touch(1);
            if (vfork() == 0) {
                execl("/bin/true", "true", nullptr);
                _exit(1);
            }
            _exit(0);
        }
        wait(nullptr);
        _exit(0);
    }
    const auto bell = FaultBell::hang(child, gettid());
    REQUIRE(bell.ok());
    go.give();
    REQUIRE(waitpid(child, nullptr, 0) == child);
    CHECK(rings_of(*bell) >= 8);  // of 512 pages
}

TEST_CASE("who has gone has no bell") {
    NEEDS_COUNTING();
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    const auto bell = FaultBell::hang(child, gettid());
    REQUIRE_FALSE(bell.ok());
    CHECK(bell.error() == Errno::kESRCH);
}

TEST_CASE("who may not be looked at has no bell either") {
    NEEDS_COUNTING();
    if (geteuid() != 0) {
        WARN("who is not root has nobody to be");
        return;
    }
    constexpr uid_t kNobody = 65534;
    const pid_t child = fork();
    if (child == 0) {
        const bool other = setuid(kNobody) == 0;
        const auto bell = FaultBell::hang(getppid(), gettid());
        _exit(other && !bell.ok() && bell.error() == Errno::kEACCES ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("an untraced process whose faults are counted is charged without anybody asking") {
    NEEDS_COUNTING();
    World world(engine::Layout::kV2, Tier::kUntraced);
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        touch(8);
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    CHECK_FALSE(is_traced(child));
    const auto charge = world.follower->charge_of(child);
    REQUIRE(charge);
    CHECK(charge->counted);
    CHECK_FALSE(charge->traced);
    CHECK(world.becomes([&] { return world.anon() >= mib(8); }));
    end.give();
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("an untraced process waits, stopped, while nobody is killed in its group") {
    NEEDS_COUNTING();
    World world(engine::Layout::kV1, Tier::kUntraced);
    world.limit(mib(16));
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.set_oom_kill_disable(*world.group->memcg, true);
    }
    Signal told;
    const pid_t child = world.start([&] {
        for (int step = 0; step < 32; ++step) {
            touch(1);
        }
        told.give();
    });
    REQUIRE(world.becomes([&] { return world.waits_for_room(); }));
    CHECK(stops(world, child));
    CHECK_FALSE(told.comes(0));
    CHECK(world.peak() <= mib(16));

    world.limit(mib(64));
    REQUIRE(told.comes());
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("memory.high slows an untraced process down") {
    NEEDS_COUNTING();
    World world(engine::Layout::kV2, Tier::kUntraced);
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.counter(*world.group->memcg, engine::CounterKind::kMemory).set_high(mib(4));
    }
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        touch(32);
        told.give();
        end.take();
    });
    CHECK(stops(world, child));
    CHECK_FALSE(told.comes(0));
    world.follower->stop();  // nobody is left as he was
    CHECK(runs(world, child));
    end.give();
    CHECK(told.comes());
}

TEST_CASE("whoever has been killed while he was stopped has gone") {
    NEEDS_COUNTING();
    World world(engine::Layout::kV1, Tier::kUntraced);
    world.limit(mib(8));
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.set_oom_kill_disable(*world.group->memcg, true);
    }
    const pid_t child = world.start([&] { touch(64); });
    CHECK(stops(world, child));
    kill(child, SIGKILL);
    CHECK(world.wait_for(child) == SIGKILL);
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("nobody stops whom a debugger traces") {
    NEEDS_COUNTING();
    World world(engine::Layout::kV1, Tier::kUntraced);
    world.limit(mib(8));
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.set_oom_kill_disable(*world.group->memcg, true);
    }
    Signal traced;
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        traced.take();
        touch(64);
        told.give();
        end.take();
    });
    Signal let_go;
    const pid_t debugger = fork();
    if (debugger == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        // A stop by a signal would show, and be the end of this.
        if (ptrace(PTRACE_SEIZE, child, nullptr, nullptr) == 0) {
            traced.give();
            let_go.take();
        }
        _exit(0);
    }
    world.children.push_back(debugger);
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return world.waits_for_room(); }));
    CHECK_FALSE(is_stopped(child));
    let_go.give();
    REQUIRE(waitpid(debugger, nullptr, 0) == debugger);
    world.children.pop_back();
    CHECK(stops(world, child));  // now he is anybody's
    world.limit(mib(128));
    CHECK(runs(world, child));
    end.give();
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("a child that has not been found yet rings, and is found") {
    NEEDS_COUNTING();
    World world(engine::Layout::kV2, Tier::kUntraced);
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        if (fork() == 0) {
            touch(16);
            told.give();
        }
        end.take();
    });
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return world.anon() >= mib(16); }));
    CHECK(world.anon() < mib(17));
    end.give();
    end.give();
    CHECK(world.wait_for(child) == 0);
}

}  // namespace
}  // namespace memcgfs::meter
