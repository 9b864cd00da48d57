// SPDX-License-Identifier: MIT
#include "memcgfs/world/cgroup_namespaces.h"

#include <sched.h>
#include <sys/syscall.h>

#include "child.h"
#include "support/catch.hpp"

namespace memcgfs::world {
namespace {

constexpr int kFlags = CLONE_NEWCGROUP | CLONE_NEWUSER;

/// A child makes a namespace when it is told to, and children in it when it is told again; it says
/// how that went: 0, or the child's id.
struct Maker {
    Maker()
        : child([this] {
              orders.receive();
              answers.send(unshare(kFlags) == 0 ? 0 : 1);
              orders.receive();
              const pid_t pid = fork();
              if (pid == 0) {
                  stay();
              }
              answers.send(pid);
              stay();
          }) {}
    std::int32_t tell() {
        orders.send(0);
        return answers.receive();
    }
    Pipe orders;
    Pipe answers;
    Child child;
};

TEST_CASE("nobody has made a cgroup namespace", "[world]") {
    CgroupNamespaces namespaces;
    CHECK_FALSE(namespaces.root_of(getpid()));
}

TEST_CASE("the root of a cgroup namespace is where its maker was", "[world]") {
    CgroupNamespaces namespaces;
    Maker maker;
    namespaces.note({.thread = maker.child.pid(), .process = maker.child.pid(), .css_set = 5});
    CHECK_FALSE(namespaces.root_of(maker.child.pid()));  // not yet
    if (maker.tell() != 0) {
        WARN("no cgroup namespaces here: not tested");
        return;
    }
    CHECK_FALSE(namespaces.root_of(getpid()));
    SECTION("found when somebody asks") { CHECK(namespaces.root_of(maker.child.pid()) == 5U); }
    SECTION("found before there are children") { namespaces.settle(); }
    const std::int32_t below = maker.tell();
    REQUIRE(below > 0);
    CHECK(namespaces.root_of(below) == 5U);
    kill(below, SIGKILL);
}

TEST_CASE("the root of a child's own cgroup namespace is where its parent was", "[world]") {
    CgroupNamespaces namespaces;
    namespaces.note({.thread = getpid(), .process = getpid(), .css_set = 6, .for_child = true});
    const auto child = static_cast<pid_t>(
        syscall(SYS_clone, kFlags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) {
        stay();
    }
    if (child < 0) {
        WARN("no cgroup namespaces here: not tested");
        return;
    }
    CHECK(namespaces.root_of(child) == 6U);
    CHECK_FALSE(namespaces.root_of(getpid()));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    // The number may come again: the newest note counts.
    namespaces.note({.thread = getpid(), .process = getpid(), .css_set = 7, .for_child = true});
    const auto next = static_cast<pid_t>(
        syscall(SYS_clone, kFlags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (next == 0) {
        stay();
    }
    REQUIRE(next > 0);
    CHECK(namespaces.root_of(next) == 7U);
    CHECK(namespaces.root_of(next) == 7U);
    kill(next, SIGKILL);
    waitpid(next, nullptr, 0);
}

}  // namespace
}  // namespace memcgfs::world
