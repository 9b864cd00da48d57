// SPDX-License-Identifier: MIT
//
// What the gatekeeper knows of one process: its gate, the faults that wait before it, and where
// pages are evicted, which.
//
// Threads: any; the mutex guards all that is marked so.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "meter/evicted_pages.h"
#include "meter/fault_gate.h"

namespace memcgfs::meter {

struct Gate {
    Gate(std::uint64_t number, pid_t process, FaultGate opened, std::optional<EvictedPages> pages)
        : key(number), pid(process), gate(std::move(opened)), evicted(std::move(pages)) {}

    /// Page after page that is touched; of the last few such rows, some thread may be expected to
    /// go on with one.
    struct Row {
        std::uint64_t next = 0;
        Pages length{0};
    };
    /// What is put ahead of a row is as long as the row, up to so much; and then the part of its
    /// length: what nobody touches is charged as well.
    static constexpr std::uint64_t kDoubles = 8;
    static constexpr std::uint64_t kAhead = 8;
    static constexpr std::size_t kRows = 16;

    /// One that is to be decided on now; done() or put_back() ends that.
    bool take(FaultGate::Fault& fault);
    void put_back(const FaultGate::Fault& fault);
    void done();
    /// How many pages to put for a fault.
    Pages row_for(const FaultGate::Fault& fault);
    /// So many have been put; a row that goes on is the last to be forgotten.
    void has_put(const FaultGate::Fault& fault, Pages pages) MEMCGFS_REQUIRES(mutex);

    bool has_evicted(std::uint64_t address);
    /// Empty pages, of which none may hide one that has been evicted: how many.
    Pages fill(const FaultGate::Fault& fault, Pages pages) MEMCGFS_REQUIRES(mutex);
    /// Puts back up to so many evicted pages from the address on. EAGAIN: a message is to be read
    /// first; EIO: the contents are lost.
    Result<Pages> bring_back(std::uint64_t address, Pages pages) MEMCGFS_REQUIRES(mutex);
    /// All of them, reading messages meanwhile. EIO.
    Result<void> bring_all_back() MEMCGFS_REQUIRES(mutex);
    /// Reads all there is to read. Faults wait, but for those of own threads, which are served at
    /// once: one may be evicting pages, and everybody else waits for that.
    void read_messages() MEMCGFS_REQUIRES(mutex);

    // Eviction, while all threads of the process are in stops. Between these two nothing is put:
    // what came between the choice of a range and its end would go with it. Faults of before, and
    // of others who look into the process, wait; those of `evictor` do not.
    bool freeze(pid_t evictor);
    void thaw();
    /// One range at a time.
    bool protect(std::uint64_t start, std::uint64_t length);
    void add(std::uint64_t address, SwapFile::Slot slot);
    /// The pages of the range are gone; or else they are still there, and no contents are kept.
    void unprotect(bool gone);

    void take_in(FaultGate::Message message) MEMCGFS_REQUIRES(mutex);
    void serve_at_once(const FaultGate::Fault& fault) MEMCGFS_REQUIRES(mutex);

    const std::uint64_t key;
    std::atomic<pid_t> pid;  ///< 0: it has just been forked, and it is not known yet who it is
    Mutex mutex{LockRank::kGate};
    std::optional<FaultGate> gate MEMCGFS_GUARDED_BY(mutex);
    std::deque<FaultGate::Fault> waiting MEMCGFS_GUARDED_BY(mutex);
    std::deque<Row> rows MEMCGFS_GUARDED_BY(mutex);
    std::uint64_t heap MEMCGFS_GUARDED_BY(mutex) = 0;
    bool busy MEMCGFS_GUARDED_BY(mutex) = false;   ///< one fault is being decided on
    bool later MEMCGFS_GUARDED_BY(mutex) = false;  ///< another payment comes first
    std::optional<EvictedPages> evicted MEMCGFS_GUARDED_BY(mutex);
    struct Eviction {
        std::uint64_t start = 0;
        std::uint64_t length = 0;
        std::vector<std::uint64_t> added;  ///< pages that have not been evicted before
    };
    std::optional<Eviction> evicting MEMCGFS_GUARDED_BY(mutex);
    /// Of children that have been forked.
    std::vector<std::pair<FaultGate, EvictedPages>> newborns MEMCGFS_GUARDED_BY(mutex);
    std::vector<std::uint64_t> blocked MEMCGFS_GUARDED_BY(mutex);  ///< they write to that range
    pid_t frozen_by MEMCGFS_GUARDED_BY(mutex) = 0;
    std::vector<FaultGate::Fault> own_faults MEMCGFS_GUARDED_BY(mutex);  ///< that wait for thaw()
    bool wants_eviction MEMCGFS_GUARDED_BY(mutex) = false;               ///< somebody has been told
    bool lost MEMCGFS_GUARDED_BY(mutex) = false;  ///< contents could not be read back
};

}  // namespace memcgfs::meter
