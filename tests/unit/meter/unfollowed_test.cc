// SPDX-License-Identifier: MIT
//
// Processes that nobody traces.
#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "followed.h"
#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

TEST_CASE("an untraced process is charged when somebody asks, and not when it has ended") {
    World world(engine::Layout::kV2, Tier::kTimer);
    Signal told;
    Signal end;
    const pid_t child = world.start([&] {
        touch(8);
        told.give();
        end.take();
    });
    REQUIRE(told.comes());
    CHECK_FALSE(is_traced(child));
    world.follower->settle(world.group->id);
    CHECK(world.anon() >= mib(8));
    CHECK(world.anon() < mib(9));
    end.give();
    CHECK(world.wait_for(child) == 0);
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("what an untraced process and its forks share is charged once") {
    World world(engine::Layout::kV2, Tier::kTimer);
    Signal told;
    Signal more;
    Signal end;
    world.start([&] {
        touch(16);
        if (fork() == 0 && fork() == 0) {  // at once, before that is paid for
            told.give();
            more.take();
            touch(4);
            told.give();
        }
        end.take();
    });
    REQUIRE(told.comes());
    world.follower->settle(world.group->id);
    CHECK(world.anon() >= mib(16));
    CHECK(world.anon() < mib(17));
    more.give();
    REQUIRE(told.comes());
    const bool all = world.becomes([&] {
        world.follower->settle(world.group->id);
        return world.anon() >= mib(20);
    });
    CHECK(all);
    CHECK(world.anon() < mib(21));
    for (int i = 0; i < 3; ++i) {
        end.give();
    }
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("a program that an untraced process runs begins anew") {
    World world(engine::Layout::kV2, Tier::kTimer);
    Signal told;
    Signal more;
    world.start([&] {
        touch(16);
        told.give();
        more.take();
        execl("/bin/sleep", "sleep", "100", nullptr);
    });
    REQUIRE(told.comes());
    const auto anon = [&] {
        world.follower->settle(world.group->id);
        return world.anon();
    };
    CHECK(anon() >= mib(16));
    more.give();
    CHECK(world.becomes([&] { return anon() < mib(1) && anon() > Pages{0}; }));
}

TEST_CASE("who has the pid of an untraced process that has ended is another") {
    World world(engine::Layout::kV2, Tier::kTimer);
    Signal told;
    Signal never;
    pid_t pid = world.start([&] {
        touch(8);
        poll(nullptr, 0, 50);  // its beginning is known to a hundredth of a second
        told.give();
        never.take();
    });
    REQUIRE(told.comes());
    world.follower->settle(world.group->id);
    CHECK(world.anon() >= mib(8));

    world.children.clear();
    kill(pid, SIGKILL);
    world.wait_for(pid);
    clone_args wanted{};
    wanted.exit_signal = SIGCHLD;
    wanted.set_tid = reinterpret_cast<std::uintptr_t>(&pid);
    wanted.set_tid_size = 1;
    const long made = syscall(SYS_clone3, &wanted, sizeof wanted);
    if (made == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        touch(8);
        told.give();
        never.take();
    }
    if (made == -1) {
        WARN("who may not choose a pid cannot try it");
        return;
    }
    world.children.push_back(pid);
    REQUIRE(told.comes());
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

TEST_CASE("an untraced process that stays beyond its limit is killed") {
    World world(engine::Layout::kV2, Tier::kTimer);
    world.limit(mib(16));
    Signal never;
    CHECK(world.wait_for(world.start([&] {
        touch(64);
        never.take();
    })) == SIGKILL);
    CHECK(world.peak() <= mib(16));
    CHECK(world.becomes([&] { return world.anon() == Pages{0}; }));
}

}  // namespace
}  // namespace memcgfs::meter
