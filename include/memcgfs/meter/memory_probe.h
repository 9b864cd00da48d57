// SPDX-License-Identifier: MIT
//
// How much anonymous memory a real process has (proc(5)).
//
// /proc/PID/statm tells what is resident and what of it is file or shmem pages: the difference is
// anonymous, and does not cost more for large processes. Kernels 6.2 to 6.15 sum per-CPU counters
// inexactly, off by at most max(32, 2 * CPUs) pages a CPU. Swap of the host does not count.
//
// Threads: any; no locks.
#pragma once

#include <cstdint>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"

namespace memcgfs::meter {

class MemoryProbe {
public:
    /// Of a process or one of its threads. The descriptor is kept and so is what it is about,
    /// should the number pass on. ESRCH.
    static Result<MemoryProbe> open(std::int32_t pid);
    MemoryProbe(MemoryProbe&& other) noexcept;
    MemoryProbe& operator=(MemoryProbe&& other) noexcept;
    ~MemoryProbe();

    struct Memory {
        Pages mapped{};  ///< of address space
        Pages anon{};    ///< resident anonymous pages
        Pages shared{};  ///< resident pages of files and shared memory
    };
    /// Resident pages, which a process or thread that is exiting has none of any more.
    /// ESRCH: it has gone.
    Result<Memory> look() const;
    Result<Pages> anon() const;

private:
    explicit MemoryProbe(int statm) : statm_(statm) {}

    int statm_;
};

}  // namespace memcgfs::meter
