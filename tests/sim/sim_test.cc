// SPDX-License-Identifier: MIT
//
// Seeds: the same one twice gives the same history; many of them keep every invariant.

#include "sim/workload.h"
#include "support/catch.hpp"

namespace memcgfs::test {
namespace {

struct World {
    const char* profile;
    engine::Layout layout;
};

TEST_CASE("one seed twice gives one history, another seed another", "[sim]") {
    const auto world =
        GENERATE(World{"alinux2", engine::Layout::kV1}, World{"alinux2", engine::Layout::kV2},
                 World{"6.1", engine::Layout::kV1}, World{"6.12", engine::Layout::kV2});
    WorkloadOptions options;
    options.profile = world.profile;
    options.layout = world.layout;
    options.seed = 20241;
    const WorkloadResult first = run_workload(options);
    const WorkloadResult again = run_workload(options);
    CHECK(first.hash == again.hash);
    CHECK(first.steps == again.steps);
    CHECK(first.events == again.events);
    CHECK(first.events > 100);
    options.seed = 20242;
    CHECK(run_workload(options).hash != first.hash);
}

TEST_CASE("fresh seeds keep the invariants and reach every path", "[sim]") {
    WorkloadResult sum;
    for (std::uint64_t seed = 1; seed <= 60; seed++) {
        WorkloadOptions options;
        options.seed = seed;
        options.profile = seed % 3 == 0 ? "6.12" : "alinux2";
        options.layout = seed % 3 == 1 ? engine::Layout::kV1 : engine::Layout::kV2;
        const WorkloadResult result = run_workload(options);
        sum.kills += result.kills;
        sum.direct_scans += result.direct_scans;
        sum.background_scans += result.background_scans;
    }
    CHECK(sum.kills > 0);
    CHECK(sum.direct_scans > 0);
    CHECK(sum.background_scans > 0);
}

}  // namespace
}  // namespace memcgfs::test
