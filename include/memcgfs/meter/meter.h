// SPDX-License-Identifier: MIT
//
// Samples real processes and pays for what they have grown by.
//
// Whoever has a reason looks: the follower (follower.h) when a process has faulted 64 pages or is
// about to exit, its ticker, and every request to the tree before it is answered, so that no value
// that is read is older than the read.
//
// Threads: any. Locks: kMeter, one a process, from the look until the books have it, so that an
// older look is never booked after a newer one; operations run with no lock held.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/meter/ledger.h"
#include "memcgfs/meter/memory_probe.h"

namespace memcgfs::meter {

class Meter {
public:
    /// References outlive it, and the runner's operations end before it does. `paid` is called by
    /// any thread, with no lock held, when a payment has ended that settle() did not wait for, or
    /// that one of the settle() for many has made.
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        OperationRunner& runner;
        const Clock& clock;
        std::function<void(std::int32_t pid)> paid;
        bool roots_too = false;  ///< Ledger's
        /// How many pages of the process are in the swap file; nothing where none are evicted.
        /// Called with kMeter held.
        std::function<std::optional<Pages>(std::int32_t pid)> evicted{};
    };
    explicit Meter(Parts parts);
    ~Meter();
    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;

    /// From now on the process's growth is charged. ESRCH.
    Result<void> watch(std::int32_t pid);
    /// It is looked at by this one of its threads from now on: its first one is about to end.
    void look_by(std::int32_t pid, std::int32_t tid);
    /// From now on looks ask how much of its memory is locked, which takes longer.
    void may_lock(std::int32_t pid);
    /// See Ledger.
    bool fork(Ledger::Fork fork);
    void exec(std::int32_t pid, std::string comm);
    void thread_begins(std::int32_t pid, std::int32_t tid);
    void thread_ends(std::int32_t pid, std::int32_t tid);
    void exit(std::int32_t pid);
    void forget(std::int32_t pid);

    struct Settled {
        bool free = true;  ///< no payment is under way: the process may go on
        Pages grown{};     ///< since the last look
    };
    enum class Care : std::uint8_t {
        kFull,
        /// Shared memory may be overlooked where its mapping has taken the place of another of just
        /// its size: whether there is any is not asked where there was none.
        kQuick,
    };
    /// Looks, and pays for what is new. What a failed payment leaves unpaid is the next look's. A
    /// process that is not watched owes nothing.
    Settled settle(std::int32_t pid, Care care = Care::kFull);
    /// As settle(), by somebody else than who holds processes. True: it may go on.
    bool settle_for_other(std::int32_t pid, Care care = Care::kFull);
    /// The same for all in the group and below: those that may not go on. Waits for payments that
    /// only take their time, and not for those that wait themselves (for room, or memory.high).
    std::vector<std::int32_t> settle(engine::CgroupId group);
    /// The same for all there are.
    std::vector<std::int32_t> settle_all();
    bool pays(std::int32_t pid) const { return ledger_.pays(pid); }
    /// The same, and it may not go on before.
    bool owes(std::int32_t pid) const { return ledger_.owes(pid); }
    /// Its payment waits itself, for room or by memory.high.
    bool waits(std::int32_t pid) const;

    /// Whether pages that a process needs may be put into its memory.
    enum class Admission : std::uint8_t {
        kCharged,  ///< so many: install() with as many
        kFree,     ///< so many, and nobody pays: install() with none
        kLater,    ///< another payment is under way; Parts::paid may tell of its end
        kNever,    ///< the process is being killed
    };
    /// Pays for up to `most` pages, fewer near a limit and one at least, and calls `decide` once:
    /// before it returns, or from any thread, with no lock held.
    void admit(std::int32_t pid, Pages most, std::function<void(Admission, Pages)> decide);
    /// The same for pages that have been evicted and are to be put back: what is charged with them
    /// is known already, so that install() has none.
    void admit_back(std::int32_t pid, Pages most, std::function<void(Admission, Pages)> decide);
    /// How many of its pages are in swap by the books.
    Pages swapped(std::int32_t pid) const { return ledger_.swapped(pid); }
    /// From now on, and until it is told otherwise, no look at the process counts, for its pages
    /// are being evicted.
    void suspend_looks(std::int32_t pid, bool on);
    /// Calls `put`, which puts pages into the process's memory, while nobody looks at that.
    void install(std::int32_t pid, Pages charged, const std::function<void()>& put);

    /// How soon the process should be looked at again: the pages that fit until something happens.
    Pages headroom(std::int32_t pid) const { return ledger_.headroom(pid); }
    bool awaits_room(std::int32_t pid) const { return ledger_.awaits_room(pid); }
    /// How much it has, as of the last look.
    Pages charged(std::int32_t pid) const { return ledger_.charged(pid); }
    bool watches(std::int32_t pid) const { return find(pid) != nullptr; }
    std::size_t count() const;
    std::vector<std::int32_t> watched() const;

private:
    /// Of one look; segments of shared memory that are new at once are few.
    static constexpr int kMostPayments = 8;
    struct Watched;
    struct Progress;
    class Payment;
    std::shared_ptr<Watched> find(std::int32_t pid) const;
    std::shared_ptr<Watched> add(std::int32_t pid);
    void remove(std::int32_t pid);
    void drop_removed_segments();
    static bool is_plain(const Watched& watched, Pages mapped);
    static void find_plain(std::int32_t pid, Watched& watched, Pages mapped);
    void look_at_segments(std::int32_t pid, Watched& watched, const MemoryProbe::Memory& memory);
    void pay_for_region(std::int32_t pid);
    void pay_ahead(std::int32_t pid, Ledger::Grant grant,
                   std::function<void(Admission, Pages)> decide);
    std::vector<std::int32_t> settle_each(const std::vector<std::int32_t>& pids);
    /// True: it is over.
    bool pay(std::int32_t pid, const std::shared_ptr<Progress>& progress,
             std::unique_ptr<Operation> operation);

    Parts parts_;
    Ledger ledger_;
    mutable Mutex mutex_{LockRank::kLeaf};
    std::map<std::int32_t, std::shared_ptr<Watched>> watched_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::meter
