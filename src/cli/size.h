// SPDX-License-Identifier: MIT
//
// Sizes as people give them on the command line and in machine files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "memcgfs/base/units.h"

namespace memcgfs::cli {

/// "512M", "1G", "4096": decimal digits and at most one of K M G T in either case (powers of
/// 1024). Nothing for any other text, and from 2^63 bytes on.
std::optional<Bytes> parse_size(std::string_view text);

/// In the largest of these units in which it is at least 1: "0", "4.0K", "51.2M", "1023G".
std::string size_text(Bytes size);

}  // namespace memcgfs::cli
