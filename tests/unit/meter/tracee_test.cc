// SPDX-License-Identifier: MIT
#include "meter/tracee.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/catch.hpp"

namespace memcgfs::meter {
namespace {

/// A process of ours that goes on until it is killed, and forks when it is told to.
class Maker {
public:
    Maker() {
        REQUIRE(pipe(ends_) == 0);
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            char news = 0;
            static_cast<void>(read(ends_[0], &news, 1));
            fork();
            for (;;) {
                pause();
            }
        }
        REQUIRE(seize(pid_).ok());
        REQUIRE(write(ends_[1], "x", 1) == 1);
        status_ = next_status(pid_);
        while (kind_of_stop(status_) == StopKind::kSignal) {
            let_go(pid_);
            status_ = next_status(pid_);
        }
    }
    ~Maker() {
        kill(pid_, SIGKILL);
        for (pid_t pid = 1; pid > 0; pid = waitpid(-1, nullptr, __WALL)) {
            let_go(pid);
        }
        close(ends_[0]);
        close(ends_[1]);
    }
    Maker(const Maker&) = delete;
    Maker& operator=(const Maker&) = delete;

    static int next_status(pid_t pid) {
        int status = 0;
        CHECK(waitpid(pid, &status, __WALL) == pid);
        return status;
    }
    pid_t pid() const { return pid_; }
    int status() const { return status_; }

private:
    int ends_[2]{};
    pid_t pid_ = 0;
    int status_ = 0;
};

/// Kills it, with all that the exit of a tracee needs.
void end(pid_t pid) {
    kill(pid, SIGKILL);
    while (kind_of_stop(Maker::next_status(pid)) != StopKind::kGone) {
        let_go(pid);
    }
}

}  // namespace

TEST_CASE("who has forked tells of its child") {
    const Maker maker;
    REQUIRE(kind_of_stop(maker.status()) == StopKind::kFork);
    const auto child = child_made_by(maker.pid());
    REQUIRE(child);
    CHECK(*child != maker.pid());

    SECTION("also of one that has been killed") {
        kill(*child, SIGKILL);
        CHECK(child_made_by(maker.pid()) == child);
        end(*child);
    }
    SECTION("but not of one whose end is known") {
        end(*child);
        CHECK_FALSE(child_made_by(maker.pid()));
    }
    SECTION("nor when it has been killed itself, and stands before its end") {
        kill(maker.pid(), SIGKILL);
        CHECK(kind_of_stop(Maker::next_status(maker.pid())) == StopKind::kExit);
        CHECK_FALSE(child_made_by(maker.pid()));
        let_go(maker.pid());
        end(*child);
    }
    SECTION("nor when it has ended") {
        end(maker.pid());
        CHECK_FALSE(child_made_by(maker.pid()));
        end(*child);
    }
}

}  // namespace memcgfs::meter
