// SPDX-License-Identifier: MIT
//
// Keeps the host's idle CPUs from sleeping while one request comes after the other.
//
// Who makes a request waits for a thread of ours, and that for him: each time a CPU that has just
// gone idle is woken again, which in a virtual machine may take fifty times as long as the request.
// /dev/cpu_dma_latency (Documentation/power/pm_qos_interface.rst, 6.1) is where a program asks the
// kernel for less. That costs power and, in a virtual machine, its host's time; so it is asked for
// when requests follow close upon each other, and taken back as soon as they do not. The kernel
// takes it back itself when this program ends.
//
// Threads: any. No lock is held while the file is written.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/unique_fd.h"

namespace memcgfs::exec {

class WakeLatency {
public:
    /// So many requests, none later than kClose after the one before, are a burst.
    static constexpr std::uint32_t kBurst = 16;
    static constexpr Nanos kClose = from_millis(2);

    using Open = std::function<UniqueFd()>;
    /// The kernel's file; nothing in it if there is none, or it is not for this user.
    static UniqueFd open_file();

    /// `open` is called in the first burst; without it, or if it fails, nothing is done, at no
    /// cost. `clock` outlives this, and runs.
    WakeLatency(const Clock& clock, Open open);
    /// Nobody calls stir() any more.
    ~WakeLatency();
    WakeLatency(const WakeLatency&) = delete;
    WakeLatency& operator=(const WakeLatency&) = delete;

    /// A request has come.
    void stir() {
        if (available_.load(std::memory_order_relaxed)) {
            count();
        }
    }

private:
    void count();
    void begin_burst() MEMCGFS_EXCLUDES(mutex_);
    void work();
    /// False: this is to end.
    bool wait_for_burst() MEMCGFS_EXCLUDES(mutex_);
    void wait_for_its_end() MEMCGFS_EXCLUDES(mutex_);
    void ask_for(std::int32_t microseconds);

    const Clock& clock_;
    const Open open_;
    UniqueFd file_;  ///< the thread's own
    std::atomic<bool> available_;
    /// The last request's time; a request that is counted in another's place does no harm.
    std::atomic<std::int64_t> last_nanos_ = 0;
    std::atomic<std::uint32_t> close_ = 0;  ///< requests in a row
    std::atomic<bool> in_burst_ = false;
    Mutex mutex_{LockRank::kLeaf};
    CondVar changed_;
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread thread_;  ///< since the first burst
};

}  // namespace memcgfs::exec
