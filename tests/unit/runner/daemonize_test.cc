// SPDX-License-Identifier: MIT
#include "memcgfs/runner/daemonize.h"

#include <unistd.h>

#include <array>
#include <csignal>

#include "child.h"
#include "support/catch.hpp"

namespace memcgfs::runner {
namespace {

/// Runs `work` in the background process; the waiting process's status.
int daemonized(const std::function<int(Background&)>& work) {
    return test::wait_status(test::fork_body([&] {
        auto result = daemonize();
        if (!result.ok()) {
            return 99;
        }
        return result->background ? work(*result->background) : result->exit_status;
    }));
}

TEST_CASE("the caller waits until the background process is ready", "[runner]") {
    test::Pipe told;
    CHECK(daemonized([&](Background& background) {
              background.ready();
              // From here on nobody waits for this status.
              std::array<char, 8> directory{};
              const bool right = getcwd(directory.data(), directory.size()) != nullptr &&
                                 directory[0] == '/' && directory[1] == 0 &&
                                 getsid(0) == getpid() && !isatty(STDERR_FILENO);
              static_cast<void>(write(told.write_end.get(), right ? "y" : "n", 1) == 1);
              return 3;
          }) == 0);
    told.write_end.reset();
    std::string answer;
    CHECK(test::read_exactly(told.read_end.get(), answer, 1));
    CHECK(answer == "y");
}

TEST_CASE("the caller gets the status of a failed start", "[runner]") {
    CHECK(daemonized([](Background&) { return 3; }) == 3);
    CHECK(daemonized([](Background&) { return kill(getpid(), SIGKILL); }) == 128 + SIGKILL);
}

}  // namespace
}  // namespace memcgfs::runner
