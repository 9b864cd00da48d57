// SPDX-License-Identifier: MIT
//
// Paths of groups as they are shown in a cgroup namespace.
#pragma once

#include <string>
#include <string_view>

namespace memcgfs::interface {

/// `path` seen from the group `root`; both from the hierarchy's root. "/" is `root` itself, what is
/// not below it begins with "/.." (kernfs_path_from_node_locked, fs/kernfs/dir.c, 6.1).
std::string path_from(std::string_view root, std::string_view path);

}  // namespace memcgfs::interface
