// SPDX-License-Identifier: MIT
#include "cli/announcer.h"

#include <fcntl.h>
#include <spdlog/sinks/null_sink.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <string>

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

TEST_CASE("where the tree is no longer mounted nothing is truncated", "[cli]") {
    std::string directory = "/tmp/memcgfs-announcer-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    const std::string file = directory + "/events";
    {
        const runner::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        REQUIRE(::write(fd.get(), "kept", 4) == 4);
    }
    spdlog::logger logger("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    Announcer announcer(logger);
    announcer.announce("events");  // before the start: nobody is told
    std::promise<void> asked;
    announcer.start([&] {
        asked.set_value();  // throws if it is asked twice
        return runner::UniqueFd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    });
    announcer.announce("events");
    asked.get_future().wait();
    announcer.stop();
    struct stat status{};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK(status.st_size == 4);
    ::unlink(file.c_str());
    ::rmdir(directory.c_str());
}

}  // namespace
}  // namespace memcgfs::cli
