// SPDX-License-Identifier: MIT
//
// An owned file descriptor, by the name that it has here.
#pragma once

#include "memcgfs/base/unique_fd.h"

namespace memcgfs::runner {

using memcgfs::UniqueFd;

}  // namespace memcgfs::runner
