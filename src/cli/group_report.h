// SPDX-License-Identifier: MIT
//
// What a tree's groups and their processes have, as its files and its control channel tell.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"
#include "memcgfs/interface/control_protocol.h"

namespace memcgfs::cli {

struct ProcessReport {
    pid_t pid = 0;
    interface::ChargeTier tier{};
    Bytes charged{};
    std::string comm;
};

/// What a group has no file for is absent.
struct GroupReport {
    std::string path;  ///< from the directory that was asked for: "/", "/a/b"
    std::optional<Bytes> usage;
    std::optional<Bytes> limit;  ///< absent: none
    std::optional<Bytes> swap;
    std::optional<std::uint64_t> kills;  ///< by the OOM killer
    std::vector<ProcessReport> processes;
};

/// The group `directory` and those below, each before its own, by name; of v1, the one with the
/// memory hierarchies, memory/ is meant. Groups that go meanwhile are left out. A sentence if it is
/// no group of a tree of memcgfs.
Result<std::vector<GroupReport>, std::string> report_groups(const std::string& directory);

/// "timer", "event", ...
std::string_view tier_name(interface::ChargeTier tier);

}  // namespace memcgfs::cli
