// SPDX-License-Identifier: MIT
//
// The least a FUSE file system can do: the floor that memcgfs is measured against.
//
// One directory with one file of fixed content, in which directories can be made and removed; no
// locks, no attributes, no rules.
#pragma once

#include <string>

namespace memcgfs::bench {

inline constexpr const char* kNullFile = "file";

/// Mounts on `mount_point` and serves until it is unmounted. False if it cannot.
bool serve_null_tree(const std::string& mount_point);

}  // namespace memcgfs::bench
