// SPDX-License-Identifier: MIT
#include "cli/effects.h"

#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>

#include "memcgfs/interface/kernel_log.h"
#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

TEST_CASE("without anybody to run it a release agent is only warned of", "[cli]") {
    auto tasks = world::LiveTasks::create({world::LiveTasks::Filter::kOnlyTagged, 0});
    REQUIRE(tasks.ok());
    std::ostringstream said;
    spdlog::logger logger("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said));
    const ManualClock clock;
    interface::KernelLog log(clock);
    Effects effects(**tasks, logger, log);
    effects.await_members();
    CHECK(said.str().empty());
    effects.run_release_agent({"/bin/agent", "/a/b"});
    CHECK(said.str().find("release agent not run program=/bin/agent group=/a/b") !=
          std::string::npos);
}

}  // namespace
}  // namespace memcgfs::cli
