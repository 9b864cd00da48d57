// SPDX-License-Identifier: MIT
//
// What can be said before or after a mount that fails, in one sentence each.
#pragma once

#include <optional>
#include <string>

namespace memcgfs::fuse {

/// Why mounting on `mount_point` cannot work and what to do, if that can be seen beforehand.
std::optional<std::string> why_not_mountable(const std::string& mount_point, bool allow_other);

}  // namespace memcgfs::fuse
