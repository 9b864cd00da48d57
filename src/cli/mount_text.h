// SPDX-License-Identifier: MIT
//
// The mount table of a run: the host's text with the kernel's cgroup file systems where the tree is
// (/proc/PID/mountinfo and mounts; proc(5)). Text in, text out.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/engine/engine.h"

namespace memcgfs::cli {

/// A file system that seems to be mounted.
struct CgroupMount {
    std::string directory;  ///< below the tree's root: "/memory"; empty for the root
    std::string type;       ///< "cgroup2", "cgroup" or "tmpfs"; also its source
    std::string options;    ///< of the super block: "rw,memory"
};

/// As systemd mounts them: cgroup2, or a tmpfs with the hierarchies below it.
std::vector<CgroupMount> cgroup_mounts(const engine::Profile& profile, engine::Layout layout,
                                       const engine::MountFlags& flags);

/// `mountinfo` with `mounts` for the mount of `device`, without what that mount covers and without
/// the host's own cgroup file systems.
std::string with_cgroup_mounts(std::string_view mountinfo, dev_t device,
                               const std::vector<CgroupMount>& mounts);

/// The same table in the form of /proc/PID/mounts.
std::string mounts_of(std::string_view mountinfo);

}  // namespace memcgfs::cli
