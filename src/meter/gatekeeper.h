// SPDX-License-Identifier: MIT
//
// Serves the gates of processes in the exact tier: a page that is missing is put when it has been
// charged, and until then the thread that touched it waits, as it does in the kernel's page fault.
//
// Where a thread touches page after page, more are charged and put at one go: as many as it has
// touched up to 8, and then an eighth of them, up to FaultGate's most; near a limit one. A page
// that is only read costs nothing: it is the page of zeros.
//
// Where real pages are evicted, a fault on such a page brings it back from swap by the books, and
// then its contents from the swap file.
//
// DEVIATION(gated-zero-pages): who writes to such a page later is not stopped by the gate, but
// charged as in the event tier. DEVIATION(own-threads-pay-later): the same holds for pages that a
// thread of the daemon fills in, for it must not wait for a group's memory.
//
// Threads: one of its own reads the faults; the methods are for any that holds no lock.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/meter/meter.h"
#include "meter/fault_gate.h"
#include "meter/gate.h"
#include "meter/swap_file.h"

namespace memcgfs::meter {

class Gatekeeper {
public:
    struct Parts {
        Meter& meter;  ///< outlives it
        /// Called, without lock, when faults have come that wait.
        std::function<void()> on_fault;
        /// Where evicted pages are; nullptr: none are. Outlives it.
        SwapFile* swap_file = nullptr;
        /// More of the process's pages are in swap by the books than have been evicted. Any thread,
        /// without lock.
        std::function<void(pid_t)> wants_eviction{};
        /// Its contents cannot be read back: it must not go on.
        std::function<void(pid_t)> lost{};
    };
    explicit Gatekeeper(Parts parts);
    /// stop(). Payments that admit() has begun are over.
    ~Gatekeeper();
    Gatekeeper(const Gatekeeper&) = delete;
    Gatekeeper& operator=(const Gatekeeper&) = delete;

    /// Opens all gates, for good.
    void stop();
    /// Raises it.
    void begin(pid_t pid, FaultGate gate);
    bool guards(pid_t pid) const;
    /// All private memory that the process has mapped.
    void guard_all(pid_t pid);
    /// What it has just mapped. Ignored where it is not private memory.
    void guard(pid_t pid, std::uint64_t start, std::uint64_t length);
    /// Its heap now ends at the address.
    void guard_heap(pid_t pid, std::uint64_t end);
    /// The gate is open for good, whoever waits goes on. The process's memory has gone.
    void end(pid_t pid);
    /// The same for one that goes on: first all is brought back.
    void leave(pid_t pid);
    /// A payment of the process has ended.
    void paid(pid_t pid);

    bool evicts() const { return parts_.swap_file != nullptr; }
    /// Nothing: the process has no gate, or none are evicted.
    std::optional<Pages> evicted(pid_t pid) const;
    /// How many pages of the process are to be evicted for the books to be right.
    Pages to_evict(pid_t pid) const;
    void bring_all_back(pid_t pid);
    /// A process that has been forked, and is in its first stop, gets the gate that it was born
    /// with, if its parent has evicted pages.
    void adopt(pid_t child);

    /// From here to thaw() nothing is put into the memory of a process whose threads are all in
    /// stops, but for the caller's own reads. False: that cannot be.
    bool freeze(pid_t pid);
    void thaw(pid_t pid);
    /// One range of it is evicted: its pages, that are there, are read, then put(), then dropped by
    /// the process itself. False: that cannot be.
    bool begin_eviction(pid_t pid, std::uint64_t start, std::uint64_t length);
    /// ENOSPC and others.
    Result<void> put(pid_t pid, std::uint64_t address, SwapFile::ConstPage contents);
    /// `gone`: they have been dropped; else they stay as they are.
    void end_eviction(pid_t pid, bool gone);
    /// wants_eviction() has been heard.
    void heard(pid_t pid);

private:
    void work();
    void add(const std::shared_ptr<Gate>& gate);
    void listen_to(const std::shared_ptr<Gate>& gate);
    void read_faults(std::uint64_t key);
    bool retry();
    void serve(const std::shared_ptr<Gate>& gate);
    bool charge(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault);
    void put_empty(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault, Pages pages,
                   Pages charged);
    void put_back(const std::shared_ptr<Gate>& gate, const FaultGate::Fault& fault, Pages pages);
    void close(const std::shared_ptr<Gate>& gate, bool goes_on);
    bool belongs_to(const std::shared_ptr<Gate>& gate, pid_t child);
    void take_newborns(const std::shared_ptr<Gate>& gate);
    void tell_of_eviction(const std::shared_ptr<Gate>& gate);
    std::shared_ptr<Gate> find(pid_t pid) const;

    const Parts parts_;
    Meter& meter_;
    UniqueFd poll_;
    UniqueFd kick_;
    mutable Mutex mutex_{LockRank::kLeaf};
    std::map<pid_t, std::shared_ptr<Gate>> gates_ MEMCGFS_GUARDED_BY(mutex_);
    /// All of them, those of newborns too, by key.
    std::map<std::uint64_t, std::shared_ptr<Gate>> by_key_ MEMCGFS_GUARDED_BY(mutex_);
    std::atomic<std::uint64_t> next_key_ = 0;
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace memcgfs::meter
