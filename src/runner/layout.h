// SPDX-License-Identifier: MIT
//
// The parts of a tree in the places where a kernel has file systems of their own.
#pragma once

#include <string>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/command.h"

namespace memcgfs::runner {

/// Puts the tree's parts in their places, over the whole tree at `mount_point`, which stays
/// mounted below: so processes that lose all parts are still known as the world's. In the mount
/// namespace of the caller; the tree must be served.
Result<void, std::string> make_layout(const std::string& mount_point, const TreeLayout& layout);

}  // namespace memcgfs::runner
