// SPDX-License-Identifier: MIT
//
// The processes and namespaces are real.
#include "memcgfs/runner/world_agent.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "child.h"
#include "runner/namespaces.h"
#include "support/catch.hpp"

namespace memcgfs::runner {
namespace {

using test::fork_body;
using test::Pipe;
using test::wait_status;

constexpr const char* kHidden = "/dev/shm";  // what is there, only the member's namespace has
constexpr const char* kProgram = "/dev/shm/program";

/// A process in a mount namespace of its own that has a program in it.
int be_member(int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it would hold the test's output open
    if (!enter_mount_namespace().ok() || mount("tmpfs", kHidden, "tmpfs", 0, nullptr) != 0) {
        return 1;
    }
    std::ofstream(kProgram) << "#!/bin/sh\n"
                               "printf '%s\\n' $$ \"$PWD\" \"$HOME\" \"$PATH\" end >\"$1\"\n";
    if (chmod(kProgram, 0755) != 0 || write(ready, "r", 1) != 1) {
        return 1;
    }
    pause();
    return 0;
}

/// Where a program writes to.
class Fifo {
public:
    Fifo() {
        REQUIRE(mkdtemp(directory_.data()) != nullptr);
        REQUIRE(mkfifo(path().c_str(), 0666) == 0);
        file_.reset(open(path().c_str(), O_RDWR | O_CLOEXEC));
    }
    ~Fifo() {
        unlink(path().c_str());
        rmdir(directory_.c_str());
    }
    std::string path() const { return directory_ + "/told"; }
    int fd() const { return file_.get(); }
    bool empty() const {
        pollfd content{file_.get(), POLLIN, 0};
        return poll(&content, 1, 0) == 0;
    }

private:
    std::string directory_ = "/tmp/world-agent.XXXXXX";
    UniqueFd file_;
};

/// Numbers say which expectation failed.
int start_one(const Fifo& told) {
    if (!can_mount() && !enter_user_namespace(SeenAs::kSelf).ok()) {
        return 10;
    }
    const Pipe ready;
    const pid_t member = fork_body([&] { return be_member(ready.write_end.get()); });
    std::string byte;
    if (!test::read_exactly(ready.read_end.get(), byte, 1)) {
        return 11;
    }
    auto started = WorldAgent::start(member);
    if (!started.ok()) {
        return 12;
    }
    std::optional<WorldAgent> agent(std::move(started).value());
    pid_t program = -1;
    bool waited = false;
    const auto before = [&](pid_t pid) {
        program = pid;
        waited = kill(pid, 0) == 0 && told.empty();
    };
    if (!agent->start_program({kProgram, told.path()}, before).ok() || !waited) {
        return 13;
    }
    const std::string expected =
        std::to_string(program) + "\n/\n/\n/sbin:/bin:/usr/sbin:/usr/bin\nend\n";
    std::string text;
    if (!test::read_exactly(told.fd(), text, expected.size()) || text != expected) {
        return 14;
    }
    const auto too_long = agent->start_program({kProgram, std::string(PATH_MAX, 'x')}, before);
    if (too_long.ok() || too_long.error() != Errno::kENAMETOOLONG) {
        return 15;
    }
    agent.reset();
    kill(member, SIGKILL);
    while (wait(nullptr) > 0) {  // the helper ends, too
    }
    return 0;
}

TEST_CASE("a program starts in another mount namespace, when it may", "[runner]") {
    if (!test::host_can_run()) {
        WARN("this host has no FUSE or no namespaces: not tested");
        return;
    }
    const Fifo told;
    CHECK(wait_status(fork_body([&] { return start_one(told); })) == 0);
}

}  // namespace
}  // namespace memcgfs::runner
