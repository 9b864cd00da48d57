// SPDX-License-Identifier: MIT
//
// The tree is a stub; the processes, namespaces and mounts are real.
#include "memcgfs/runner/command.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "child.h"
#include "memcgfs/runner/mount_table.h"
#include "stub_fuse.h"
#include "support/catch.hpp"

namespace memcgfs::runner {
namespace {

using test::fork_body;
using test::Pipe;
using test::wait_status;

constexpr int kNotPrepared = 98;

/// What a supervisor does; CMD's descriptor 3 is `world_fd`, which the supervisor holds as well.
int supervise(std::vector<std::string> argv, int world_fd = -1) {
    if (world_fd >= 0 && dup2(world_fd, 3) < 0) {
        return kNotPrepared;
    }
    auto prepared = Command::prepare(
        {std::move(argv), {{"MEMCGFS_ROOT", kCgroupMountPoint}}, kCgroupMountPoint});
    if (!prepared.ok()) {
        std::fprintf(stderr, "%s\n", prepared.error().c_str());
        return kNotPrepared;
    }
    const std::unique_ptr<Command> command = std::move(prepared).value();
    const test::StubFuse server(command->take_fuse_fd());
    const auto started = command->start();
    if (!started.ok()) {
        return started.error().exit_status;
    }
    return command->wait();
}

int run_shell(const std::string& script) {
    return wait_status(fork_body([&] { return supervise({"sh", "-c", script}); }));
}

bool can_run() {
    const bool can = test::host_can_run();
    if (!can) {
        WARN("this host has no FUSE or no namespaces: not tested");
    }
    return can;
}

const char* const kLooksRight =
    "grep -q ' /sys/fs/cgroup .* fuse.memcgfs memcgfs ' /proc/self/mountinfo &&"
    "test -z \"$(ls -A /sys/fs/cgroup)\" && test \"$MEMCGFS_ROOT\" = /sys/fs/cgroup";

TEST_CASE("a command sees the tree, the host does not", "[runner]") {
    if (!can_run()) {
        return;
    }
    CHECK(run_shell(kLooksRight) == 0);
    const auto mounted = mount_at(read_mount_table("/proc/self/mountinfo"), kCgroupMountPoint);
    CHECK((!mounted || mounted->fs_type != "fuse.memcgfs"));
}

TEST_CASE("a directory that the second tree lacks is not covered", "[runner]") {
    if (!can_run()) {
        return;
    }
    CHECK(wait_status(fork_body([] {
              auto prepared = Command::prepare({.argv = {"test", "-d", "/sys/devices/system/cpu"},
                                                .environment = {},
                                                .covered_directory = "/sys/devices/system"});
              if (!prepared.ok()) {
                  return kNotPrepared;
              }
              static_cast<void>((*prepared)->take_proc_mount());  // else it outlives the command
              const test::StubFuse server((*prepared)->take_fuse_fd());
              const test::StubFuse second((*prepared)->take_proc_fuse_fd());
              return (*prepared)->start().ok() ? (*prepared)->wait() : kNotPrepared;
          })) == 0);
}

TEST_CASE("an ordinary user's command sees the tree and keeps its uid", "[runner]") {
    if (!can_run() || !test::kCanBecomeOrdinaryUser) {
        return;
    }
    CHECK(wait_status(fork_body([] {
              if (!test::become_ordinary_user()) {
                  return kNotPrepared;
              }
              const std::string uid = std::to_string(geteuid());
              return supervise({"sh", "-c",
                                std::string(kLooksRight) + " && test $(id -u) = " + uid +
                                    " && grep -q 'CapEff:.*0000000000000000' /proc/self/status"});
          })) == 0);
}

TEST_CASE("an ordinary user's command is root of its world on request", "[runner]") {
    if (!can_run() || !test::kCanBecomeOrdinaryUser) {
        return;
    }
    CHECK(wait_status(fork_body([] {
              if (!test::become_ordinary_user()) {
                  return kNotPrepared;
              }
              auto prepared = Command::prepare(
                  {.argv = {"sh", "-c", "test $(id -u) = 0 && mount -t tmpfs none /mnt"},
                   .environment = {},
                   .as_root = true});
              if (!prepared.ok()) {
                  return kNotPrepared;
              }
              static_cast<void>((*prepared)->take_proc_mount());
              const test::StubFuse server((*prepared)->take_fuse_fd());
              const test::StubFuse second((*prepared)->take_proc_fuse_fd());
              return (*prepared)->start().ok() ? (*prepared)->wait() : kNotPrepared;
          })) == 0);
}

TEST_CASE("the exit status is the command's", "[runner]") {
    if (!can_run()) {
        return;
    }
    CHECK(run_shell("exit 3") == 3);
    CHECK(run_shell("kill -KILL $$") == 128 + SIGKILL);
    CHECK(run_shell("kill -TERM $$") == 128 + SIGTERM);
}

TEST_CASE("a command that cannot be executed gives a shell's status", "[runner]") {
    if (!can_run()) {
        return;
    }
    const auto status_of = [](const std::string& program) {
        return wait_status(fork_body([&] { return supervise({program}); }));
    };
    CHECK(status_of("no-such-command-anywhere") == 127);
    CHECK(status_of("/no/such/file") == 127);
    CHECK(status_of("/") == 126);
}

TEST_CASE("the command keeps its working directory and signal mask", "[runner]") {
    if (!can_run()) {
        return;
    }
    CHECK(wait_status(fork_body([] {
              return chdir("/usr") == 0 ? supervise({"sh", "-c",
                                                     "test \"$(pwd -P)\" = /usr && "
                                                     "grep -q 'SigBlk:.*0000000000000000' "
                                                     "/proc/self/status"})
                                        : kNotPrepared;
          })) == 0);
}

TEST_CASE("what a command leaves behind ends with it", "[runner]") {
    if (!can_run()) {
        return;
    }
    // A new session and a double fork: neither the process group nor the parent tells.
    Pipe world;
    const pid_t supervisor = fork_body([&] {
        return supervise({"sh", "-c",
                          "(setsid sh -c 'trap \"\" TERM HUP; echo x >&3; exec sleep 1000' &) ;"
                          "exec 3>&- ; exit 5"},
                         world.write_end.get());
    });
    world.write_end.reset();
    CHECK(wait_status(supervisor) == 5);
    CHECK(test::reaches_end(world.read_end.get()));
}

TEST_CASE("signals reach the command, whose end counts", "[runner]") {
    if (!can_run()) {
        return;
    }
    for (const int signal : {SIGTERM, SIGHUP, SIGINT}) {
        Pipe world;
        const pid_t supervisor = fork_body([&] {
            // A shell cannot trap what it was started with ignored, as under nohup.
            std::signal(signal, SIG_DFL);
            return supervise(
                {"sh", "-c", "trap 'exit 7' TERM HUP INT; sleep 1000 & echo x >&3; wait"},
                world.write_end.get());
        });
        world.write_end.reset();
        std::string said;
        REQUIRE(test::read_exactly(world.read_end.get(), said, 2));
        kill(supervisor, signal);
        CHECK(wait_status(supervisor) == 7);
        CHECK(test::reaches_end(world.read_end.get()));
    }
}

void check_killed_supervisor_leaves_nothing(bool ordinary_user) {
    Pipe world;
    const pid_t supervisor = fork_body([&] {
        if (ordinary_user && !test::become_ordinary_user()) {
            return kNotPrepared;
        }
        return supervise({"sh", "-c",
                          "(setsid sh -c 'echo x >&3; exec sleep 1000' &);"
                          "(unshare -Um sh -c 'echo x >&3; exec sleep 1000' &); sleep 1000"},
                         world.write_end.get());
    });
    world.write_end.reset();
    std::string said;
    REQUIRE(test::read_exactly(world.read_end.get(), said, 4));
    kill(supervisor, SIGKILL);
    CHECK(wait_status(supervisor) == 128 + SIGKILL);
    CHECK(test::reaches_end(world.read_end.get()));
}

TEST_CASE("a killed supervisor leaves no process with a dead mount", "[runner]") {
    if (can_run()) {
        check_killed_supervisor_leaves_nothing(false);
        if (test::kCanBecomeOrdinaryUser) {
            check_killed_supervisor_leaves_nothing(true);
        }
    }
}

/// A thread of the supervisor asks its own tree when that is killed: nobody will answer it, and it
/// cannot end before.
void check_supervisor_that_asks_itself_ends(bool ordinary_user) {
    Pipe world;
    const pid_t supervisor = fork_body([&] {
        if (ordinary_user && !test::become_ordinary_user()) {
            return kNotPrepared;
        }
        dup2(world.write_end.get(), 3);
        auto prepared = Command::prepare(
            {.argv = {"sh", "-c", "sleep 1000 & exec sleep 1000"}, .environment = {}});
        if (!prepared.ok()) {
            return kNotPrepared;
        }
        const std::string tree = "/proc/self/fd/" + std::to_string((*prepared)->tree_fd());
        const test::StubFuse server((*prepared)->take_fuse_fd(), FUSE_STATFS);
        if (!(*prepared)->start().ok()) {
            return kNotPrepared;
        }
        std::thread([&] {
            struct statfs status{};
            static_cast<void>(statfs(tree.c_str(), &status));
        }).detach();
        return (*prepared)->wait();
    });
    world.write_end.reset();
    REQUIRE(test::reaches_end(world.read_end.get()));
    CHECK(wait_status(supervisor) == 128 + SIGKILL);
}

TEST_CASE("a supervisor that is killed while it asks its own tree ends", "[runner]") {
    if (can_run()) {
        check_supervisor_that_asks_itself_ends(false);
        if (test::kCanBecomeOrdinaryUser) {
            check_supervisor_that_asks_itself_ends(true);
        }
    }
}

TEST_CASE("a command that was never started leaves nothing", "[runner]") {
    if (!can_run()) {
        return;
    }
    Pipe world;
    const pid_t supervisor = fork_body([&] {
        auto prepared = Command::prepare({{"true"}, {}, kCgroupMountPoint});
        return prepared.ok() ? 0 : kNotPrepared;
    });
    world.write_end.reset();
    CHECK(wait_status(supervisor) == 0);
    CHECK(test::reaches_end(world.read_end.get()));
}

TEST_CASE("a missing mount point is said in one sentence", "[runner]") {
    const auto prepared = Command::prepare({{"true"}, {}, "/no/such/directory"});
    REQUIRE(!prepared.ok());
    CHECK(prepared.error().find("/no/such/directory") != std::string::npos);
    CHECK(prepared.error().find('\n') == std::string::npos);
}

}  // namespace
}  // namespace memcgfs::runner
