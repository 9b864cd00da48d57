// SPDX-License-Identifier: MIT
//
// The books of real processes: which of their real anonymous pages are charged, and to whom.
//
// The engine sees a process's memory as mappings whose pages were touched in a row. Growth is a
// touch of further pages, so it goes through the ordinary charge: reclaim, memory.high's penalty,
// the OOM killer and its wait. Until it is paid it is debt, and whoever samples the process keeps
// it from running on. What a process gives back is freed from the end.
//
// A process and its fork share the pages of before; they are charged once, and freed when the last
// that has them lets go. DEVIATION(cow-copies): a copy that a write makes of a shared page is not
// seen, for it leaves the process's resident pages as many as they were.
//
// Threads: any. State is guarded by the engine lock, which the methods take; operations are for the
// caller to run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/meter/shared_segment.h"

namespace memcgfs::meter {

class Ledger {
public:
    /// References outlive it.
    /// `roots_too`: who is in the root group has books as well.
    Ledger(engine::Engine& engine, Mutex& engine_mutex, bool roots_too = false)
        : engine_(engine), engine_mutex_(engine_mutex), roots_too_(roots_too) {}
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Opens a process's books. The `anon` pages that it has are its former group's affair. ESRCH:
    /// the engine does not know it. Ignored for one whose books are open.
    Result<void> open(std::int32_t pid, Pages anon);
    /// `child` is a fork of `parent`, and in the groups of `css_set`, or else in its parent's; in
    /// the root group it has no books (false). Shares the pages that are in the parent's books;
    /// with `shares_memory` (vfork) it is of no account until exec(). A parent that is not known
    /// any more is 0, and the child's memory then of before its books.
    struct Fork {
        std::int32_t parent = 0;
        std::int32_t child = 0;
        bool shares_memory = false;
        std::optional<std::uint32_t> css_set{};
        Pages anon{};  ///< of the child
    };
    bool fork(const Fork& fork);
    /// A new program: what was there has been given back.
    void exec(std::int32_t pid, std::string comm);
    /// The process has gone, and with it all that it alone had.
    void exit(std::int32_t pid);
    /// Closes the books of a process that lives on, and frees what it alone had.
    void forget(std::int32_t pid);

    /// The process has `anon` pages now. Frees what it has given back; growth is an operation for
    /// the caller to run and to report to settled(). nullptr: nothing is to be paid, or another
    /// operation is under way (pays() tells).
    /// `evicted`: of these it has more, which are in the swap file. Where pages are evicted, what
    /// is in swap by the books is what has been, so that is given back first if it is less now.
    std::unique_ptr<Operation> sampled(std::int32_t pid, Pages anon,
                                       std::optional<Pages> evicted = std::nullopt);
    /// So much of what the process has is locked (VmLck of proc(5)), as far as it is anonymous:
    /// from the next sampled() on those pages are unevictable.
    void locks(std::int32_t pid, Pages locked);
    /// The shared memory that the process maps now; what of it is new is for sampled() to give an
    /// operation for, in the name of who is looked at first.
    /// `since`: what is there, of segments that nobody has been seen with, is another's affair.
    enum class Since : std::uint8_t { kNow, kBefore };
    void shares(std::int32_t pid, const std::vector<SharedSegment>& segments,
                Since since = Since::kNow);
    /// The System V segments that there are, in order: others that nobody maps have gone.
    void keep_sysv(const std::vector<std::uint64_t>& numbers);
    /// There are such segments that nobody maps.
    bool has_unmapped_segments() const;
    /// An operation that pays for pages that the process is about to get (installed()). Its end is
    /// for settled(), too.
    struct Grant {
        enum class Answer : std::uint8_t {
            kPay,    ///< by the operation
            kFree,   ///< there are no books
            kLater,  ///< another operation is under way
            kNever,  ///< the process is being killed
        };
        Answer answer = Answer::kFree;
        std::unique_ptr<Operation> operation{};
        Pages pages{};  ///< that it is for; kFree: what may be had for nothing
    };
    Grant grant(std::int32_t pid, Pages pages);
    /// Pages of the process that are in swap by the books.
    Pages swapped(std::int32_t pid) const;
    /// An operation that brings back from swap up to so many pages of the process, of which
    /// `evicted` are in the swap file. Those that are in swap by the books no more are free.
    Grant grant_back(std::int32_t pid, Pages most, Pages evicted);
    /// Has been chosen to be killed.
    bool is_dying(std::int32_t pid) const;
    /// Of the pages that were granted so many are there now, or will never be.
    void installed(std::int32_t pid, Pages pages);
    /// The end of the operation that sampled() or grant() gave. Does nothing if what it was to pay
    /// for has gone meanwhile (exec()), be another under way or not.
    void settled(std::int32_t pid, OperationId payment, const OperationResult& result);
    /// The pages that the operation under way is for.
    Pages owed(std::int32_t pid) const;
    /// An operation for pages that the process has is under way.
    bool owes(std::int32_t pid) const;
    /// Any operation of the process is under way.
    bool pays(std::int32_t pid) const;

    /// Kernel memory for what the process has mapped, of which it has a first page: an operation
    /// for the caller to run. When the process has ended, what is left of the page that its objects
    /// were in stays with the group. nullptr: that has been paid for.
    std::unique_ptr<Operation> first_region(std::int32_t pid);

    /// A thread of a process with open books begins: its kernel stack is charged to the group of
    /// the process, by an operation for the caller to run and to report to stack_settled(), and
    /// freed when the thread ends or the books are closed. nullptr: there are no books.
    std::unique_ptr<Operation> thread_begins(std::int32_t pid, std::int32_t tid);
    void stack_settled(std::int32_t pid, std::int32_t tid, const OperationResult& result);
    void thread_ends(std::int32_t pid, std::int32_t tid);

    /// Those with open books in the group and below, in its hierarchy; nothing for a group that has
    /// gone.
    std::vector<std::int32_t> members(engine::CgroupId group) const;
    /// How many more pages fit until a limit, memory.high or a wmark of one of its groups is met;
    /// kPageCounterMax where there is none.
    Pages headroom(std::int32_t pid) const;
    /// A group that it is in is out of memory and kills nobody (oom_kill_disable).
    bool awaits_room(std::int32_t pid) const;
    /// What is charged for the process alone.
    Pages charged(std::int32_t pid) const;

private:
    /// Pages that were touched in a row, and how many of them each process still has.
    struct Layer {
        engine::MappingId mapping;
        std::uint64_t pages = 0;  ///< up to here, without the holes
        std::map<std::int32_t, std::uint64_t> holders;
        std::int32_t locked_by = 0;  ///< a holder; 0: it can be reclaimed
        /// What was in swap and has been given back: by first page, how many.
        std::map<std::uint64_t, std::uint64_t> holes;
        std::uint64_t in_holes = 0;
        std::uint64_t there() const { return pages - in_holes; }
    };
    /// Shared memory: of no process, charged to who was first seen to have touched it.
    struct Segment {
        SharedSegment::Key key;
        engine::MappingId mapping;
        std::uint64_t pages = 0;  ///< that are charged
        std::uint64_t seen = 0;   ///< that there are
        bool is_sysv = false;
        bool paid_for = false;  ///< an operation is under way
        std::set<std::int32_t> users;
    };
    struct Book {
        engine::TaskId task;
        std::vector<std::shared_ptr<Layer>> layers;
        std::vector<std::shared_ptr<Segment>> segments;
        std::uint64_t uncharged = 0;  ///< there before the books were opened
        std::uint64_t granted = 0;    ///< charged, but not there yet
        std::uint64_t locked = 0;     ///< as the process has it
        bool borrows = false;         ///< its memory is its parent's until exec()
        bool has_region = false;      ///< first_region() has been asked for
        struct Payment {
            std::shared_ptr<Layer> layer;  ///< or else
            std::shared_ptr<Segment> segment;
            std::uint64_t first = 0;
            std::uint64_t pages = 0;
            OperationId operation{};
            bool ahead = false;  ///< the pages are not there yet
            bool back = false;   ///< they are the layer's already, in swap
        };
        std::optional<Payment> payment;
    };

    void free_stack(std::optional<engine::KernelObjectId> stack) MEMCGFS_REQUIRES(engine_mutex_);
    void drop_stacks(std::int32_t pid) MEMCGFS_REQUIRES(engine_mutex_);
    /// What it pays to; nullptr: it has no books.
    const engine::Memcg* memcg_of(std::int32_t pid) const MEMCGFS_REQUIRES(engine_mutex_);
    std::uint64_t booked(std::int32_t pid, const Book& book) const;
    void share_layers(const Fork& fork, const Book& parent, Book& child)
        MEMCGFS_REQUIRES(engine_mutex_);
    std::unique_ptr<Operation> pay(std::int32_t pid, Book& book, std::uint64_t pages,
                                   bool locked = false) MEMCGFS_REQUIRES(engine_mutex_);
    std::unique_ptr<Operation> pay_for_segments(Book& book) MEMCGFS_REQUIRES(engine_mutex_);
    void use_segment(std::int32_t pid, Book& book, const SharedSegment& seen, Since since)
        MEMCGFS_REQUIRES(engine_mutex_);
    void leave_segment(std::int32_t pid, Book& book, Segment& segment)
        MEMCGFS_REQUIRES(engine_mutex_);
    void drop_segments(std::int32_t pid, Book& book) MEMCGFS_REQUIRES(engine_mutex_);
    Pages swapped(const Book& book) const MEMCGFS_REQUIRES(engine_mutex_);
    /// Of them up to `swapped` that are in swap, and others only if there are no more in memory.
    /// Nothing: it does not matter which.
    void give_back(std::int32_t pid, Book& book, std::uint64_t pages,
                   std::optional<std::uint64_t> swapped) MEMCGFS_REQUIRES(engine_mutex_);
    /// Frees what no holder has any more, in the same way: how many that were in swap.
    std::uint64_t trim(Layer& layer, std::optional<std::uint64_t> swapped = std::nullopt)
        MEMCGFS_REQUIRES(engine_mutex_);
    /// Frees up to so many pages that are locked, or are not. What could not be freed.
    std::uint64_t give_back_of(std::int32_t pid, Book& book, std::uint64_t pages, bool locked,
                               std::optional<std::uint64_t> swapped = std::nullopt)
        MEMCGFS_REQUIRES(engine_mutex_);
    std::uint64_t booked_as_locked(std::int32_t pid, const Book& book) const;
    void unlock(std::int32_t pid, Layer& layer) MEMCGFS_REQUIRES(engine_mutex_);
    std::uint64_t free_resident(Layer& layer, std::uint64_t pages) MEMCGFS_REQUIRES(engine_mutex_);
    void make_hole(Layer& layer, engine::Engine::Range range) MEMCGFS_REQUIRES(engine_mutex_);
    static engine::Engine::Range room_in(const Layer& layer, std::uint64_t pages);
    static void fill_room(Layer& layer, engine::Engine::Range range);
    void drop_layers(std::int32_t pid, Book& book, bool unmap) MEMCGFS_REQUIRES(engine_mutex_);
    std::shared_ptr<Layer> own_layer(std::int32_t pid, Book& book, bool locked)
        MEMCGFS_REQUIRES(engine_mutex_);

    engine::Engine& engine_;
    Mutex& engine_mutex_;
    const bool roots_too_;
    std::map<std::int32_t, Book> books_ MEMCGFS_GUARDED_BY(engine_mutex_);
    std::map<SharedSegment::Key, std::shared_ptr<Segment>> segments_
        MEMCGFS_GUARDED_BY(engine_mutex_);
    /// Of threads that live, by process and thread; once they are charged.
    std::map<std::pair<std::int32_t, std::int32_t>, std::optional<engine::KernelObjectId>> stacks_
        MEMCGFS_GUARDED_BY(engine_mutex_);
};

}  // namespace memcgfs::meter
