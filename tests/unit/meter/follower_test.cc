// SPDX-License-Identifier: MIT
#include "memcgfs/meter/follower.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "followed.h"
#include "meter/proc_look.h"
#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

TEST_CASE("what a process touches is charged when somebody asks") {
    World world;
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        touch(8);
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    world.follower->settle(world.group->id);
    CHECK(world.anon() >= mib(8));
    CHECK(world.anon() < mib(9));
    end.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("a process that ends at once has been charged for all it had") {
    World world;
    CHECK(world.wait_for(world.start([] { touch(8); })) == 0);
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("over its limit a process is killed") {
    World world;
    world.limit(mib(16));
    CHECK(world.wait_for(world.start([] { touch(64); })) == SIGKILL);
    CHECK(world.peak() <= mib(16));
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("what a process forks is followed") {
    World world;
    const pid_t child = world.start([] {
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            touch(8);
            _exit(0);
        }
        int status = 1;
        waitpid(grandchild, &status, 0);
        _exit(status);
    });
    CHECK(world.wait_for(child) == 0);
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("threads and children have kernel stacks while they live") {
    World world;
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        std::vector<std::thread> threads;
        for (int i = 0; i < 10; ++i) {
            threads.emplace_back([&] { end.take(); });
        }
        for (int i = 0; i < 10; ++i) {
            if (fork() == 0) {
                end.take();
                _exit(0);
            }
        }
        told.give();
        for (std::thread& thread : threads) {
            thread.join();
        }
        told.give();
        pause();
    });
    const auto stacks = [&] {
        const MutexLock lock(world.engine_mutex);
        return world.group->memcg->stat_total(engine::StatItem::kKernelStack) / 4;
    };
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return stacks() == 20; }));
    for (int i = 0; i < 20; ++i) {
        end.give();
    }
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return stacks() == 0; }));
    kill(child, SIGKILL);
    CHECK(world.wait_for(child) == SIGKILL);
}

TEST_CASE("who has come to its end in debt does not hang where nobody is killed") {
    World world(engine::Layout::kV1);
    world.limit(mib(8));
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.set_oom_kill_disable(*world.group->memcg, true);
    }
    for (int i = 0; i < 8; ++i) {
        // Without the traps of its page faults it mostly gets away, to its very end.
        const pid_t child = world.start([&] {
            sigset_t trap;
            sigemptyset(&trap);
            sigaddset(&trap, SIGTRAP);
            sigprocmask(SIG_BLOCK, &trap, nullptr);
            touch(16);
        });
        REQUIRE(world.becomes([&] { return world.waits_for_room() || world.has_ended(child); }));
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) != -1);
        CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
    }
}

TEST_CASE("a process is held while there is no room and nobody is killed") {
    World world(engine::Layout::kV1);
    world.limit(mib(8));
    {
        const MutexLock lock(world.engine_mutex);
        world.engine.set_oom_kill_disable(*world.group->memcg, true);
    }
    Signal told;
    const pid_t child = world.start([&] {
        touch(16);
        told.give();
    });
    REQUIRE(world.becomes([&] { return world.waits_for_room(); }));
    CHECK(world.peak() <= mib(8));

    SECTION("until there is room") {
        world.limit(mib(32));
        CHECK(told.comes());
        CHECK(world.wait_for(child) == 0);
    }
    SECTION("unless it is killed") {
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) == SIGKILL);
        CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
        CHECK_FALSE(told.comes(0));
    }
    SECTION("or nobody follows it any more") {
        world.follower->stop();
        CHECK(told.comes());
        int status = 1;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        world.note(child, status);
    }
    SECTION("or another is to trace it") {
        CHECK(world.follower->give_up(child, true));
        CHECK_FALSE(is_traced(child));
        CHECK(told.comes());
    }
}

TEST_CASE("a process whose first thread has ended is followed") {
    World world;
    Signal told;
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::thread([&] {
            world.go.take();
            touch(8);
            _exit(7);
        }).detach();
        told.give();
        syscall(SYS_exit, 0);  // of this thread alone
    }
    world.children.push_back(child);
    REQUIRE(told.comes());
    REQUIRE(world.becomes([&] { return has_ended(child, child); }));
    world.add(child);
    CHECK(world.wait_for(child) >> 8 == 7);
    CHECK(world.peak() >= mib(8));
}

TEST_CASE("who is given up is looked at all the same") {
    World world;
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        end.take();
        touch(8);
        told.give();
        end.take();
    });
    CHECK(is_traced(child));
    CHECK(world.follower->give_up(child, true));
    CHECK_FALSE(is_traced(child));
    CHECK_FALSE(world.follower->give_up(child, true));
    end.give();
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return world.anon() >= mib(8); }));
    end.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("a process that a signal stops is a stopped one, and is followed when it goes on") {
    World world;
    Signal told;
    const pid_t child = world.start([&] {
        raise(SIGSTOP);
        told.give();
        touch(8);
    });
    CHECK(world.becomes([&] { return !is_traced(child); }));
    kill(child, SIGCONT);
    CHECK(told.comes());
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("processes that are killed at any moment leave nothing") {
    World world;
    world.limit(mib(24));
    for (int i = 0; i < 20; ++i) {
        const pid_t child = world.start([] { touch(16); });
        poll(nullptr, 0, i);
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) != -1);
    }
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("threads and processes whose maker is killed do not stay behind") {
    World world;
    // They end with it, or else when their pipe is closed.
    Signal end;
    for (int i = 0; i < 40; ++i) {
        const pid_t child = world.start([&] {
            for (int made = 0; made < 100; ++made) {
                if (fork() == 0) {
                    close(end.ends[1]);
                    end.take();
                    _exit(0);
                }
                std::thread([] { pause(); }).detach();
            }
            pause();
        });
        poll(nullptr, 0, i % 8);
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) == SIGKILL);
    }
    close(end.ends[1]);
    end.ends[1] = -1;
    CHECK(world.becomes([&] { return world.members() == 0; }));
}

TEST_CASE("a process that makes threads while it is attached is followed") {
    World world;
    for (int i = 0; i < 20; ++i) {
        Signal told;
        const pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            told.give();
            for (;;) {
                std::thread([] { poll(nullptr, 0, 1); }).detach();
            }
        }
        world.children.push_back(child);
        REQUIRE(told.comes());
        world.add(child);
        CHECK(is_traced(child));
        kill(child, SIGKILL);
        CHECK(world.wait_for(child) == SIGKILL);
    }
    world.follower->stop();
    CHECK(world.logged.str() == "");  // of those that cannot be followed
}

TEST_CASE("who ends before it is followed is nobody's loss") {
    World world;
    for (int i = 0; i < 20; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            _exit(0);
        }
        world.children.push_back(child);
        world.add(child);
        world.go.take();  // what it was told
        CHECK(world.wait_for(child) == 0);
    }
}

TEST_CASE("a call that may bring more than there is room for is made again") {
    World world;
    world.limit(mib(16));
    Signal told;
    const pid_t child = world.start([&] {
        told.give();
        char news = 0;
        _exit(read(world.go.ends[0], &news, 1) == 1 ? 0 : 1);
    });
    REQUIRE(told.comes());
    CHECK_FALSE(world.follower->watch_call(child, Pages{10}));

    SECTION("once, and nothing of it is lost") {
        CHECK(world.follower->watch_call(child, mib(64)));
        CHECK_FALSE(world.follower->watch_call(child, mib(64)));
    }
    SECTION("also if its caller is given up meanwhile") {
        CHECK(world.follower->watch_call(child, mib(64)));
        CHECK(world.follower->give_up(child, true));
        CHECK_FALSE(is_traced(child));
        CHECK_FALSE(world.follower->watch_call(child, mib(64)));
    }
    SECTION("not for a thread that nobody follows") {
        CHECK_FALSE(world.follower->watch_call(getpid(), mib(64)));
    }
    SECTION("not without a limit") {
        world.limit(kPageCounterMax);
        CHECK_FALSE(world.follower->watch_call(child, mib(64)));
    }
    world.go.give();
    CHECK(world.wait_for(child) == 0);
}

TEST_CASE("a wait that nothing may interrupt is not interrupted by being held") {
    World world;
    Signal told;
    const pid_t child = world.start([&] {
        told.give();
        _exit(poll(nullptr, 0, 300) == 0 ? 0 : 1);
    });
    REQUIRE(told.comes());
    // To give it up stops it for a moment.
    CHECK(world.follower->give_up(child, true));
    CHECK(world.wait_for(child) == 0);
}

}  // namespace
}  // namespace memcgfs::meter
