// SPDX-License-Identifier: MIT
#include "memcgfs/runner/janitor.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "child.h"
#include "support/catch.hpp"

namespace memcgfs::runner {
namespace {

using test::fork_body;
using test::Pipe;
using test::wait_status;

/// A clean-up that writes what it is told.
Janitor::Cleanup tell(int fd) {
    return [fd](std::string_view note) {
        const std::string text = "<" + std::string(note) + ">";
        static_cast<void>(write(fd, text.data(), text.size()) > 0);
    };
}

TEST_CASE("a janitor cleans up after a sudden death, with the last note", "[runner]") {
    Pipe told;
    const pid_t owner = fork_body([&] {
        auto janitor = Janitor::start(tell(told.write_end.get()), {told.write_end.get()});
        janitor->note("one");
        janitor->note("two");
        kill(getpid(), SIGKILL);
        return 0;
    });
    told.write_end.reset();
    CHECK(wait_status(owner) == 128 + SIGKILL);
    std::string text;
    CHECK(test::read_exactly(told.read_end.get(), text, 5));
    CHECK(text == "<two>");
    CHECK(test::reaches_end(told.read_end.get()));
}

TEST_CASE("a dismissed janitor does nothing", "[runner]") {
    Pipe told;
    const pid_t owner = fork_body([&] {
        auto janitor = Janitor::start(tell(told.write_end.get()), {told.write_end.get()});
        janitor->note("one");
        janitor->dismiss();
        janitor->dismiss();
        // No child is left.
        return waitpid(-1, nullptr, 0) < 0 && errno == ECHILD ? 0 : 1;
    });
    told.write_end.reset();
    CHECK(wait_status(owner) == 0);
    std::string text;
    CHECK_FALSE(test::read_exactly(told.read_end.get(), text, 1));
}

TEST_CASE("a janitor survives what ends the terminal's processes", "[runner]") {
    Pipe told;
    const pid_t owner = fork_body([&] {
        setpgid(0, 0);
        auto janitor = Janitor::start(tell(told.write_end.get()), {told.write_end.get()});
        // It says that it is listening by having made its own session.
        while (getsid(janitor->pid()) != janitor->pid()) {
            sched_yield();
        }
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
            kill(janitor->pid(), signal);
        }
        kill(0, SIGKILL);
        return 0;
    });
    told.write_end.reset();
    CHECK(wait_status(owner) == 128 + SIGKILL);
    std::string text;
    CHECK(test::read_exactly(told.read_end.get(), text, 2));
    CHECK(text == "<>");
}

TEST_CASE("a janitor holds no descriptor but those it was given", "[runner]") {
    Pipe held;
    Pipe told;
    const pid_t owner = fork_body([&] {
        auto janitor = Janitor::start(tell(told.write_end.get()), {told.write_end.get()});
        held.write_end.reset();
        // The test ends this process only after it has seen the other pipe's end.
        pause();
        return 0;
    });
    held.write_end.reset();
    CHECK(test::reaches_end(held.read_end.get()));
    kill(owner, SIGKILL);
    CHECK(wait_status(owner) == 128 + SIGKILL);
}

/// Runs `body` with a tmpfs on a directory of its own, in a private mount namespace.
int with_tmpfs(const std::function<int(const std::string&)>& body) {
    return wait_status(fork_body([&] {
        std::string directory = "/tmp/mount-janitor-XXXXXX";
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (mkdtemp(directory.data()) == nullptr || unshare(CLONE_NEWNS) != 0 ||
            mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("first", directory.c_str(), "tmpfs", 0, nullptr) != 0) {
            return 99;
        }
        const int status = body(directory);
        umount2(directory.c_str(), MNT_DETACH);
        rmdir(directory.c_str());
        return status;
    }));
}

std::string source_at(const std::string& directory) {
    const auto mounted = mount_at(read_mount_table("/proc/self/mountinfo"), directory);
    return mounted ? mounted->source : "";
}

/// The owner guards what is mounted, lets `before_death` run and dies. Returns once the janitor
/// has ended.
void die_guarding(const std::string& directory, const std::function<void()>& before_death) {
    const pid_t owner = fork_body([&] {
        auto janitor = MountJanitor::start();
        janitor->guard(*identify_mount(directory));
        before_death();
        kill(getpid(), SIGKILL);
        return 0;
    });
    wait_status(owner);
    // The caller is a subreaper: the janitor has become its child.
    while (waitpid(-1, nullptr, 0) > 0) {
    }
}

TEST_CASE("a mount janitor unmounts what its owner left", "[runner]") {
    if (geteuid() != 0) {
        WARN("not root: not tested");
        return;
    }
    CHECK(with_tmpfs([](const std::string& directory) {
              die_guarding(directory, [] {});
              return source_at(directory).empty() ? 0 : 1;
          }) == 0);
}

TEST_CASE("a mount janitor leaves a foreign mount alone", "[runner]") {
    if (geteuid() != 0) {
        WARN("not root: not tested");
        return;
    }
    CHECK(with_tmpfs([](const std::string& directory) {
              die_guarding(directory,
                           [&] { mount("second", directory.c_str(), "tmpfs", 0, nullptr); });
              return source_at(directory) == "second" ? 0 : 1;
          }) == 0);
}

}  // namespace
}  // namespace memcgfs::runner
