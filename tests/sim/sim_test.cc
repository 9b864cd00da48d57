// SPDX-License-Identifier: MIT
//
// A fixed set of seeds: the same one twice gives the same history; all of them keep every
// invariant and together reach every path.

#include "sim/actions.h"
#include "sim/run.h"
#include "support/catch.hpp"

namespace memcgfs::test {
namespace {

TEST_CASE("one seed twice gives one history, another seed another", "[sim]") {
    const std::uint64_t seed = GENERATE(range(20241, 20249));
    const RunReport first = run_swarm(swarm_of_seed(seed));
    const RunReport again = run_swarm(swarm_of_seed(seed));
    CHECK(first.failure.empty());
    CHECK(first.hash == again.hash);
    CHECK(first.steps == again.steps);
    CHECK(first.events == again.events);
    CHECK(run_swarm(swarm_of_seed(seed + 100)).hash != first.hash);
}

TEST_CASE("an action that is left out changes nothing before it", "[sim]") {
    Swarm swarm = swarm_of_seed(7);
    swarm.actions = 10;
    const RunReport whole = run_swarm(swarm);
    swarm.actions = 11;
    swarm.skipped.assign(11, false);
    swarm.skipped[10] = true;
    CHECK(run_swarm(swarm).failure.empty());
    swarm.actions = 10;
    CHECK(run_swarm(swarm).hash == whole.hash);
}

TEST_CASE("a fixed set of seeds keeps the invariants and reaches every path", "[sim]") {
    RunReport sum;
    for (std::uint64_t seed = 1; seed <= 600; seed++) {
        const RunReport report = run_swarm(swarm_of_seed(seed));
        INFO("seed " << seed);
        REQUIRE(report.failure == "");
        sum.kills += report.kills;
        sum.direct_scans += report.direct_scans;
        sum.torn += report.torn;
        sum.collapsed += report.collapsed;
        sum.background_scans += report.background_scans;
    }
    CHECK(sum.kills > 0);
    CHECK(sum.direct_scans > 0);
    CHECK(sum.torn > 0);
    CHECK(sum.collapsed > 0);
    CHECK(sum.background_scans > 0);
}

TEST_CASE("names of actions are unique", "[sim]") {
    const std::vector<Action> actions = all_actions();
    for (const Action& action : actions) {
        CHECK(std::count_if(actions.begin(), actions.end(), [&](const Action& other) {
                  return other.name == action.name;
              }) == 1);
    }
}

}  // namespace
}  // namespace memcgfs::test
