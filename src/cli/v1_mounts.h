// SPDX-License-Identifier: MIT
//
// Which v1 hierarchies a machine has beside memory, and where: as systemd mounts them below
// /sys/fs/cgroup.
#pragma once

#include <string_view>
#include <vector>

#include "memcgfs/engine/hierarchy.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::cli {

struct V1Mount {
    std::string_view directory;  ///< below the tree's root
    engine::HierarchySpec spec;
    std::vector<std::string_view> links;  ///< names of symbolic links to it
};

/// Empty for a layout without v1 hierarchies.
std::vector<V1Mount> v1_mounts(const engine::Profile& profile, engine::Layout layout);

}  // namespace memcgfs::cli
