// SPDX-License-Identifier: MIT
#include "cli/world_options.h"

#include <cstdlib>

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

using engine::Layout;

WorldConfig config_of(const WorldOptions& options) {
    const auto config = resolve(options);
    INFO((config.ok() ? std::string() : config.error()));
    REQUIRE(config.ok());
    return *config;
}

std::string error_of(const WorldOptions& options) {
    const auto config = resolve(options);
    REQUIRE(!config.ok());
    return config.error();
}

WorldOptions kernel(std::string profile, std::string hierarchy) {
    WorldOptions options;
    options.profile = std::move(profile);
    options.hierarchy = std::move(hierarchy);
    return options;
}

TEST_CASE("profile and hierarchy fill each other in", "[cli]") {
    struct Case {
        const char* profile;
        const char* hierarchy;
        const char* expected_profile;
        Layout expected_layout;
    };
    for (const Case& c :
         {Case{"", "", "6.12", Layout::kV2}, Case{"", "v2", "6.12", Layout::kV2},
          Case{"", "v1", "6.1", Layout::kV1}, Case{"", "hybrid", "6.1", Layout::kHybrid},
          Case{"", "none", "6.1", Layout::kNone}, Case{"6.12", "none", "6.12", Layout::kNone},
          Case{"alinux2", "", "alinux2", Layout::kV1},
          Case{"alinux2", "v2", "alinux2", Layout::kV2}, Case{"5.10", "", "5.10", Layout::kV2},
          Case{"6.1", "v1", "6.1", Layout::kV1}, Case{"3.10", "", "3.10", Layout::kV1},
          Case{"2.6.33", "none", "2.6.33", Layout::kNone}}) {
        INFO(std::string(c.profile) + " " + c.hierarchy);
        const WorldConfig config = config_of(kernel(c.profile, c.hierarchy));
        CHECK(config.profile->name == c.expected_profile);
        CHECK(config.layout == c.expected_layout);
    }
}

TEST_CASE("bad kernels are refused with what is known", "[cli]") {
    CHECK(error_of(kernel("7.0", "")) ==
          "unknown profile '7.0'; known are 2.6.33, 3.10, alinux2, 5.10, 6.1, 6.12");
    CHECK(error_of(kernel("", "v3")) == "unknown hierarchy 'v3'; known are v1, v2, hybrid, none");
    for (const char* hierarchy : {"v1", "hybrid"}) {
        CHECK(error_of(kernel("6.12", hierarchy)) ==
              "profile 6.12 has no v1 memory controller; use --hierarchy v2, or --profile 6.1");
    }
    for (const char* hierarchy : {"v2", "hybrid"}) {
        CHECK(error_of(kernel("3.10", hierarchy)) ==
              "profile 3.10 has no cgroup v2; use --hierarchy v1, or --profile 6.12");
    }
}

TEST_CASE("machine options are checked", "[cli]") {
    WorldOptions options;
    options.memory = "2G";
    options.swap = "512M";
    options.cpus = 3;
    const WorldConfig config = config_of(options);
    CHECK(config.machine.memory == Pages{524288});
    CHECK(config.machine.swap == Pages{131072});
    CHECK(config.machine.cpus == 3);

    options.cpus = 0;
    CHECK(error_of(options) == "--cpus must be from 1 to 8192");
    options.cpus = 1;
    options.swap = "x";
    CHECK(error_of(options) == "--swap must be a size, such as 1G or 512M, not 'x'");
    options.swap = "";
    options.memory = "4K";
    CHECK(error_of(options) == "--memory must be at least 16M");
    options.memory = "";
    options.machine_file = "/no/such/file";
    CHECK(error_of(options).starts_with("cannot read /no/such/file"));
    const char* root = std::getenv("MEMCGFS_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    options.machine_file = std::string(root) + "/docs/machines/two-nodes.toml";
    options.memory = "1G";
    CHECK(error_of(options) == "--memory does not go with the nodes of " + options.machine_file);
}

}  // namespace
}  // namespace memcgfs::cli
