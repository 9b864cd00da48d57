// SPDX-License-Identifier: MIT
//
// The first page of a swap area (union swap_header, include/linux/swap.h, 6.1; mkswap(8)).
#pragma once

#include <optional>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::cli {

/// How many pages the area of a file or device has, by its header; EINVAL: it has no header.
Result<Pages> read_swap_header(int file);

/// A file that has the header of an area of so many pages, and nothing behind it: mkswap(8) and
/// swapon(8) look no further. It is open as `flags` (open(2)) say, and its owner's alone.
Result<runner::UniqueFd> make_swap_header(Pages pages, int flags);

}  // namespace memcgfs::cli
