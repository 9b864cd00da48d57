// SPDX-License-Identifier: MIT
//
// The tables of files for people: `memcgfs files` and docs/interface-files.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/engine/profile.h"
#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

struct FileDescription {
    std::string_view name;
    engine::CgroupVersion version{};
    Placement placement{};
    mode_t mode = 0;
    engine::KernelVersion since;  ///< kSinceEver: older than all profiles
    Fidelity fidelity{};
    std::string_view doc;
};

/// The files that a tree of this profile and layout can have, in creation order.
std::vector<FileDescription> describe_files(const engine::Profile& profile, engine::Layout layout);

/// A file of /proc or /sys that a run's world has. {node} and {pid} in its path are numbers.
struct ProcFileDescription {
    std::string_view path;
    mode_t mode = 0;
    engine::KernelVersion since;
    Fidelity fidelity{};
};

/// Those that a kernel of this profile has.
std::vector<ProcFileDescription> describe_proc_files(const engine::Profile& profile);

std::string_view fidelity_name(Fidelity fidelity);             ///< "modelled", ...
std::string_view placement_name(Placement placement);          ///< "everywhere", ...
std::string_view version_name(engine::CgroupVersion version);  ///< "v1" or "v2"

/// The whole text of docs/interface-files.md.
std::string interface_files_page();

}  // namespace memcgfs::interface
