// SPDX-License-Identifier: MIT
//
// Shared memory of real processes that has no file system of its own: anonymous shared mappings,
// System V segments, memfds that are mapped. All are files of the kernel's own tmpfs, so what has
// been allocated is what is charged, whoever maps it.
//
// /proc/PID/map_files tells of those to who has CAP_CHECKPOINT_RESTORE. Others see what each
// process has touched itself.
//
// Threads: any; no locks.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "memcgfs/base/units.h"

namespace memcgfs::meter {

struct SharedSegment {
    struct Key {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        auto operator<=>(const Key&) const = default;
    };
    Key key;
    Pages pages{};         ///< allocated; or else
    bool is_part = false;  ///< resident in this process
    bool is_sysv = false;  ///< lasts until it is removed (shmctl(2)); the inode is its number
};

/// Those that the process maps, each once.
std::vector<SharedSegment> shared_segments_of(std::int32_t pid);

/// The System V segments that there are, by number, in order.
std::vector<std::uint64_t> sysv_segments();

}  // namespace memcgfs::meter
