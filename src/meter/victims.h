// SPDX-License-Identifier: MIT
//
// Which pages of a process are to be evicted: those that it alone has, by /proc/PID/pagemap, in the
// order of their addresses and round again. Nobody tells when a page was last used.
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "memcgfs/base/units.h"
#include "meter/private_memory.h"

namespace memcgfs::meter {

/// What can be dropped by one call: pages to be kept in the swap file, and between them nothing but
/// pages that are not there.
struct VictimRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::vector<std::uint64_t> pages;
};

class VictimHand {
public:
    /// Up to so many pages, none of those at `kept` (addresses of pages, in order). The process
    /// is in stops.
    std::vector<VictimRange> choose(pid_t pid, Pages most, const std::vector<std::uint64_t>& kept);

private:
    std::uint64_t next_ = 0;
};

/// A page is there.
bool is_present(pid_t pid, std::uint64_t address);
/// It is, and protected by a gate (FaultGate::protect()).
bool is_protected(pid_t pid, std::uint64_t address);

/// The private memory of a process that has just been forked, but for what is empty in a child
/// (MADV_WIPEONFORK).
std::vector<PrivateMemory> inherited_memory_of(pid_t child);

/// Where a program's arguments and environment are: read by others, who cannot wait (ps).
PrivateMemory arguments_of(pid_t pid);

}  // namespace memcgfs::meter
