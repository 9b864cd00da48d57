// SPDX-License-Identifier: MIT
//
// A thread that stops itself after so many page faults, again and again (perf_event_open(2),
// attr.sigtrap; 5.13).
//
// 64 pages are what the kernel charges at a time (MEMCG_CHARGE_BATCH, 6.1). The SIGTRAP comes when
// the thread goes back to user mode; under ptrace it is a stop that nobody else sees.
//
// Threads: any; no locks.
#pragma once

#include <cstdint>

#include "memcgfs/base/result.h"

namespace memcgfs::meter {

class FaultTrap {
public:
    static constexpr std::uint64_t kFewest = 64;
    static constexpr std::uint64_t kMost = 512;

    FaultTrap() = default;
    FaultTrap(FaultTrap&& other) noexcept;
    FaultTrap& operator=(FaultTrap&& other) noexcept;
    ~FaultTrap();

    /// What the thread forks or clones has one of its own, as long as this object lives. Ends with
    /// the next exec, for who makes it. Faults inside system calls do not count. EACCES, EPERM,
    /// ENOSYS and others: not on this host.
    static Result<FaultTrap> set(std::int32_t tid, std::uint64_t faults = kFewest);
    /// As many from now on, up to each stop: not for those that have theirs from the thread.
    void come_after(std::uint64_t faults);
    std::uint64_t faults() const { return faults_; }
    /// The most there have been.
    std::uint64_t most_faults() const { return most_faults_; }
    /// No stop is begun any more, neither of the thread nor of those that have theirs from it.
    void disable();
    bool disabled() const { return disabled_; }
    /// The first counter on an idle system takes the kernel milliseconds to set up: to be kept for
    /// as long as others are wanted.
    static Result<FaultTrap> keep_ready();

private:
    explicit FaultTrap(int file, std::uint64_t faults = kFewest)
        : file_(file), faults_(faults), most_faults_(faults) {}
    int file_ = -1;
    std::uint64_t faults_ = kFewest;
    std::uint64_t most_faults_ = kFewest;
    bool disabled_ = false;
};

}  // namespace memcgfs::meter
