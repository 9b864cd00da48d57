// SPDX-License-Identifier: MIT
//
// Paths as text.
#pragma once

#include <string>
#include <string_view>

namespace memcgfs::supervisor {

/// What follows the last slash; empty for a path that ends with one.
std::string_view last_component(std::string_view path);

/// `path`, from the directory `base` on if it is relative, without ".", ".." and doubled slashes. A
/// ".." takes the name before it away, whatever that name is: links are not looked at.
std::string normal_path(std::string_view base, std::string_view path);

}  // namespace memcgfs::supervisor
