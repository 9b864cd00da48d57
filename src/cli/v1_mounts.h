// SPDX-License-Identifier: MIT
//
// Which v1 hierarchies a machine has, and where: as systemd mounts them below
// /sys/fs/cgroup.
#pragma once

#include <string_view>
#include <vector>

#include "memcgfs/engine/hierarchy.h"
#include "memcgfs/engine/profile.h"
#include "memcgfs/runner/command.h"

namespace memcgfs::cli {

struct V1Mount {
    std::string_view directory;  ///< below the tree's root
    engine::HierarchySpec spec;
    std::vector<std::string_view> links;  ///< names of symbolic links to it
};

/// In the order of their making; empty for a layout without v1 hierarchies.
std::vector<V1Mount> v1_mounts(const engine::Profile& profile, engine::Layout layout);

/// The same for a tree that is mounted by parts, with v2's.
runner::TreeLayout parts_of(const engine::Profile& profile, engine::Layout layout);

}  // namespace memcgfs::cli
