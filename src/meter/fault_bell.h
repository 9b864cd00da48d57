// SPDX-License-Identifier: MIT
//
// A process whose page faults are counted, and that knows nothing of it (perf_event_open(2)): after
// every 64 of one of its threads another thread, here, gets a signal.
//
// What the process forks and clones rings the same bell, and goes on to with its next programs. It
// takes no more than the right to look into /proc/PID (PTRACE_MODE_READ), so it does for processes
// that somebody else traces, or that Yama does not let us trace. A counter that is inherited has no
// buffer to poll(2) for, so the news is a signal.
//
// Threads: any; no locks.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <set>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::meter {

class FaultBell {
public:
    /// What the kernel charges at a time (MEMCG_CHARGE_BATCH, 6.1).
    static constexpr std::uint64_t kFaults = 64;
    /// The signal, a queued one; si_fd is one of the bell's. When too many wait, SIGIO comes.
    static int signal() { return SIGRTMIN + 3; }

    /// Rings at the thread `listener` of this process, which has the signals blocked. EACCES,
    /// EPERM, ENOSYS, EMFILE and others: it may not be counted, or not on this host. ESRCH.
    static Result<FaultBell> hang(pid_t pid, pid_t listener);
    FaultBell(FaultBell&& other) noexcept;
    FaultBell& operator=(FaultBell&& other) noexcept;
    ~FaultBell();

    /// It is one of those files that have rung.
    bool is_among(const std::set<int>& files) const;

private:
    FaultBell() = default;
    std::vector<int> files_;  ///< one for each thread there was
};

}  // namespace memcgfs::meter
