// SPDX-License-Identifier: MIT
#include "memcgfs/interface/describe.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "support/catch.hpp"

namespace memcgfs::interface {
namespace {

using engine::Layout;

TEST_CASE("names are unique in every directory of every profile", "[interface]") {
    for (const engine::Profile& profile : engine::profiles()) {
        for (const auto version : {engine::CgroupVersion::kV1, engine::CgroupVersion::kV2}) {
            for (const bool root : {false, true}) {
                std::set<std::string_view> names;
                for (const Cftype* row : all_files()) {
                    const DirectoryKind everything{version, root, ~engine::ControllerMask{0}, true};
                    if (exists_in(*row, profile) && exists_in(*row, everything)) {
                        INFO(profile.name << " " << row->name);
                        CHECK(names.insert(row->name).second);
                    }
                }
            }
        }
    }
}

TEST_CASE("descriptions follow profile and layout", "[interface]") {
    const auto has = [](std::string_view profile, Layout layout, std::string_view name) {
        const auto files = describe_files(*engine::find_profile(profile), layout);
        return std::any_of(files.begin(), files.end(),
                           [name](const auto& file) { return file.name == name; });
    };
    CHECK(has("alinux2", Layout::kV1, "memory.wmark_ratio"));
    CHECK_FALSE(has("6.1", Layout::kV1, "memory.wmark_ratio"));
    CHECK_FALSE(has("6.1", Layout::kV1, "cgroup.controllers"));
    CHECK(has("6.1", Layout::kHybrid, "cgroup.controllers"));
    CHECK_FALSE(has("6.1", Layout::kHybrid, "memory.max"));
    CHECK(has("6.1", Layout::kV2, "memory.max"));
    CHECK_FALSE(has("6.1", Layout::kV2, "tasks"));
    for (const auto& file : describe_files(*engine::find_profile("6.12"), Layout::kV2)) {
        if (file.name == "memory.peak") {
            CHECK(file.mode == 0644);
            CHECK(file.since == engine::KernelVersion{6, 12});
            CHECK(file.fidelity == Fidelity::kModelled);
        }
    }
}

TEST_CASE("files of /proc and /sys are described by their paths", "[interface]") {
    const auto files = describe_proc_files(*engine::find_profile("6.12"));
    const auto has = [&](std::string_view path, Fidelity fidelity) {
        return std::any_of(files.begin(), files.end(), [&](const auto& file) {
            return file.path == path && file.fidelity == fidelity;
        });
    };
    CHECK(has("/proc/meminfo", Fidelity::kModelled));
    CHECK(has("/proc/{pid}/oom_score_adj", Fidelity::kModelled));
    CHECK(has("/proc/sys/vm/dirty_ratio", Fidelity::kStoredOnly));
    CHECK(std::all_of(files.begin(), files.end(),
                      [](const auto& file) { return file.path.starts_with("/"); }));
}

TEST_CASE("docs/interface-files.md is as fresh as the tables", "[interface]") {
    const char* root = std::getenv("MEMCGFS_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    const std::string path = std::string(root) + "/docs/interface-files.md";
    if (std::getenv("MEMCGFS_REGENERATE") != nullptr) {
        std::ofstream(path) << interface_files_page();
    }
    std::stringstream page;
    page << std::ifstream(path).rdbuf();
    CHECK(page.str() == interface_files_page());
}

}  // namespace
}  // namespace memcgfs::interface
