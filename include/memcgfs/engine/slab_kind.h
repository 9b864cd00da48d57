// SPDX-License-Identifier: MIT
//
// What slab there is (sizes were measured on 6.1 and 6.12).
#pragma once

#include <cstdint>

namespace memcgfs::engine {

/// Small kernel objects that programs cause.
enum class SlabKind : std::uint8_t {
    kDentry,  ///< a name that a disk's directory does not have: reclaimable
    kTimer,   ///< a POSIX timer of a task, until that exits: not reclaimable
};

}  // namespace memcgfs::engine
