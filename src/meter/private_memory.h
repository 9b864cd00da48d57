// SPDX-License-Identifier: MIT
//
// The private memory that a process has mapped (/proc/PID/maps).
//
// Threads: any; no locks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace memcgfs::meter {

struct PrivateMemory {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    bool is_heap = false;  ///< of brk(2)
};

/// In order; not what files give, nor what the kernel has put there itself.
std::vector<PrivateMemory> private_memory_of(pid_t pid);

}  // namespace memcgfs::meter
