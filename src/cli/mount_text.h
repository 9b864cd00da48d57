// SPDX-License-Identifier: MIT
//
// The mount table of a run: the host's text with the kernel's cgroup file systems for parts of the
// tree (/proc/PID/mountinfo and mounts; proc(5)). Text in, text out.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace memcgfs::cli {

/// What a mount of a part of the tree seems to be.
struct CgroupMount {
    std::string type;     ///< "cgroup2" or "cgroup"
    std::string source;   ///< as mount(2) named it
    std::string options;  ///< of the super block: "rw,memory"
    /// The group that the mount's root is told from; empty: the hierarchy's root.
    std::string seen_from{};
};

struct TreeMounts {
    dev_t device = 0;
    /// Below the hierarchies there is a tmpfs that a kernel has, too.
    bool ground_is_shown = false;
    /// What a directory of the tree's root is, mounted as `mount_id`; nothing: it is not shown.
    std::function<std::optional<CgroupMount>(std::string_view directory, int mount_id)> what;
    /// What a mount of another device is, by its number and source as they are written; nothing: it
    /// is shown as it is. May be empty.
    std::function<std::optional<CgroupMount>(std::string_view device, std::string_view source)>
        other = {};
};

/// `mountinfo` with the tree's parts as the file systems that they stand for, without what the tree
/// covers and without the host's own cgroup file systems.
std::string with_cgroup_mounts(std::string_view mountinfo, const TreeMounts& tree);

/// Of the tree's root, those that have mounts in the table.
std::set<std::string> tree_directories(std::string_view mountinfo, dev_t device);

/// How the mounts of a device are described; nothing: it has none in the table.
std::optional<CgroupMount> mount_of_device(std::string_view mountinfo, dev_t device);

/// The same table in the form of /proc/PID/mounts.
std::string mounts_of(std::string_view mountinfo);

}  // namespace memcgfs::cli
