// SPDX-License-Identifier: MIT
//
// The follower's thread: what it does about each stop, order and tick. See follower.h.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/meter/follower.h"
#include "memcgfs/meter/meter.h"
#include "meter/fault_bell.h"
#include "meter/fault_trap.h"
#include "meter/gatekeeper.h"
#include "meter/proc_look.h"
#include "meter/remote_calls.h"
#include "meter/socket_books.h"
#include "meter/swap_file.h"
#include "meter/tick_pace.h"
#include "meter/tracee.h"
#include "meter/victims.h"

namespace memcgfs::meter {

class Follower::Loop {
public:
    explicit Loop(Parts parts);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Any thread.
    void stop();
    void begin(pid_t pid);
    void moved(pid_t pid);
    void attend(pid_t pid);
    bool give_up(pid_t pid, bool running);
    void await_moves();
    bool watch_call(pid_t tid, Pages pages);
    void leave_faults(pid_t tid);
    bool watch_mapping(pid_t tid, std::function<void()> go_on);
    bool watch_pins(pid_t pid, std::function<void()> go_on);
    void settle(engine::CgroupId group);
    void settle_process(pid_t pid);
    void settle_all();
    std::optional<Charge> charge_of(pid_t pid) const;

private:
    struct Order {
        enum class Kind : std::uint8_t {
            kBegin,         ///< it will become the first of all
            kFollow,        ///< it has been moved
            kAttend,        ///< its next child is in a group
            kGiveUp,        ///< somebody else will trace it
            kPaid,          ///< its payment has ended
            kHold,          ///< it has debts
            kWatchCall,     ///< a thread makes a call that may bring much memory
            kWatchMapping,  ///< a thread makes a call that may map memory
            kEvict,         ///< pages of it are to be evicted
            kKeepResident,  ///< none are any more: somebody may pin them
            kVisit,         ///< somebody reads what children and new programs may have changed
        };
        Kind kind = Kind::kFollow;
        pid_t pid = 0;
        Pages pages{};                  ///< of a kWatchCall
        std::function<void()> go_on{};  ///< of a kWatchMapping: lets the call begin
    };
    /// How far a call is that brings much memory; it goes on without interruption, to stop at its
    /// end.
    enum class LongCall : std::uint8_t {
        kNone,
        kStops,  ///< the thread has still to stop, before it makes the call again
        kComes,  ///< it goes on, to make it
        kGoesOn,
    };
    /// What is to be done for the gate of its process when the thread stops.
    enum class Errand : std::uint8_t {
        kNone,
        kRaise,    ///< there is none yet
        kMapping,  ///< it has mapped something
    };
    static constexpr std::uint64_t kNoTrap = UINT64_MAX;
    struct Thread {
        pid_t process = 0;
        std::shared_ptr<FaultTrap> trap;  ///< its own
        /// Those of who made it and of its makers: it has the like of them.
        std::vector<std::shared_ptr<FaultTrap>> inherited;
        std::uint64_t faults = kNoTrap;   ///< from one trap to the next
        bool fresh = true;                ///< its first stop is to come
        bool exiting = false;             ///< it has been in its exit stop
        LongCall call = LongCall::kNone;
        Errand errand = Errand::kNone;
        CallMadeAgain made_again{};
    };
    struct Held {
        pid_t tid = 0;
        bool exiting = false;
    };
    struct Process {
        std::set<pid_t> threads;
        std::vector<Held> held;
        pid_t looked_at_by = 0;  ///< the thread whose /proc tells of its memory
        pid_t borrows_from = 0;  ///< whose memory it has (vfork), until it runs a program
        // Of evictions.
        bool parking = false;         ///< its threads are to stop, and to stay so
        std::set<pid_t> parked;       ///< those that have
        Nanos parks_until{};          ///< it is given up then
        Nanos next_eviction{};        ///< not before
        bool keeps_resident = false;  ///< until it runs another program
        VictimHand hand{};
    };
    /// One that nobody traces here.
    struct Unfollowed {
        Program program;                  ///< at the last visit
        std::shared_ptr<FaultBell> bell;  ///< its own, or its parent's; nullptr: it has none
        bool stopped = false;             ///< by us
        bool given_up = false;            ///< somebody else traces it, or will in a moment
        std::optional<Nanos> owes_since{};
        Pages headroom{};  ///< when it had grown last
    };

    /// How long a process may take to stop, which one that waits for a disk does not do soon.
    static constexpr Nanos kTurn = from_millis(10);
    static constexpr int kTurns = 50;

    /// False: nobody carries it out any more.
    bool order(Order order);
    void hold_all(const std::vector<std::int32_t>& pids);

    // The loop's own thread.
    void work();
    void let_all_go();
    bool wait_for_children();
    bool carry_out_orders();
    void pause();
    void pause(Nanos most);
    void tick();
    Meter::Settled look(pid_t pid, TickPace::Round& round);

    void on_status(pid_t tid, int status);
    void on_stop(pid_t tid, Thread& thread, int status);
    void on_child(pid_t tid, const Thread& thread, StopKind kind);
    void adopt_child(pid_t tid, const Thread& thread, StopKind kind);
    void on_exec(pid_t tid, Thread& thread);
    void on_exit(pid_t tid, Thread& thread);
    void look_by_another(pid_t pid, pid_t ending);
    void on_signal(pid_t tid, Thread& thread, int signal);
    void on_group_stop(pid_t tid, Thread& thread);
    void on_call(pid_t tid, Thread& thread);
    void go_on_or_be_held(pid_t tid, const Thread& thread, Meter::Care care = Meter::Care::kFull);
    void resume(pid_t tid, const Thread& thread, int signal = 0);
    void on_gone(pid_t tid);
    void begin_leaving(pid_t pid);
    void leave(pid_t tid, Thread& thread, int status);
    void left(pid_t pid);
    bool may_release(pid_t tid, Thread& thread, int signal);
    bool leaves(pid_t pid);
    void look_at_stopped();
    void adopt_orphans();
    void forget_process(pid_t pid);

    // unfollowed.cc
    void look_from_afar(pid_t pid, std::shared_ptr<FaultBell> bell = nullptr);
    void visit_unfollowed();
    /// False: it is known already, in the root group, or its parent pays.
    bool take_in(pid_t parent, pid_t child);
    void lose(pid_t pid);
    void search();

    // bells.cc
    std::shared_ptr<FaultBell> hang_bell(pid_t pid);
    void note_signal(const siginfo_t& info);
    /// False: there was none.
    bool answer_bells();
    void rest_from_bells();
    void look_at_unfollowed(pid_t pid, Unfollowed& one, TickPace::Round& round);
    bool may_stop(pid_t pid, const Unfollowed& one) const;
    void let_run(pid_t pid, Unfollowed& one);
    void stop_by_signal(pid_t pid, Unfollowed& one);

    void follow(pid_t pid);
    bool seize_threads(pid_t pid);
    /// `maker`: its first stop is to come, and it has the like of the maker's traps.
    void add_thread(pid_t pid, pid_t tid, const Thread* maker, Errand errand = Errand::kNone);
    void end_exit(pid_t pid, pid_t tid);
    void let_end(pid_t pid, Process& process);
    void paid(pid_t pid);
    void hold(pid_t pid);
    void interrupt_all(pid_t pid, bool in_calls);
    void watch(pid_t tid, Pages pages);
    bool belongs_to_a_group(pid_t pid);

    // traps.cc
    std::uint64_t faults_within(Pages headroom) const;
    void set_trap(pid_t tid, Thread& thread);
    static void inherit_traps(Thread& child, const Thread& maker);
    static void drop_traps(Thread& thread);
    void watch_closely(const Process& process, Pages headroom);
    void widen_trap(Thread& thread);
    void disable_traps(Thread& thread);
    void renew_traps();

    // gates.cc
    void want_gate(pid_t pid);
    /// The stop is dealt with: the thread has gone, or will stop again.
    bool run_errand(pid_t tid, Thread& thread);
    bool raise_gate(pid_t tid, const Thread& thread);
    void guard_mapping(pid_t tid, const Thread& thread);
    bool evicts() const { return gates_ != nullptr && gates_->evicts(); }
    bool has_gate(pid_t pid) const { return gates_ != nullptr && gates_->guards(pid); }
    void end_gate(pid_t pid);
    void leave_gate(pid_t pid);

    // evictions.cc
    void begin_eviction(pid_t pid);
    bool parks(pid_t pid) const;
    void park(pid_t tid, const Thread& thread);
    bool lends_memory(pid_t pid) const;
    void evict_if_all_stopped(pid_t pid);
    void end_parking(pid_t pid);
    void look_after_evictions();
    Pages evict(pid_t pid, pid_t tid);
    Pages evict_range(pid_t pid, const VictimRange& range, RemoteCalls& calls);
    std::vector<std::uint64_t> kept_pages(pid_t pid, pid_t tid);
    void keep_resident(pid_t pid);
    void start_keeper();
    void end_keeper();
    Gatekeeper::Parts gatekeeper_parts();

    Parts parts_;
    std::unique_ptr<SwapFile> swap_file_;  ///< of evicted pages
    Meter meter_;
    SocketBooks sockets_;
    std::unique_ptr<Gatekeeper> gates_;  ///< of the exact tier
    std::vector<char> keeper_stack_;
    pid_t keeper_parent_ = 0;
    pid_t keeper_ = 0;
    bool gate_refused_ = false;          ///< once, which has been said
    bool filter_refused_ = false;        ///< the same
    FaultTrap ready_;
    bool traps_ = true;
    TickPace pace_;
    const Clock& clock_;
    Nanos next_tick_{};

    std::map<pid_t, Thread> threads_;
    std::map<pid_t, Process> processes_;
    std::map<pid_t, Unfollowed> unfollowed_;
    std::set<int> rung_;         ///< files of bells
    bool lost_rings_ = false;    ///< too many: all may have rung
    Nanos quiet_until_{};        ///< nobody gets near a limit before that: bells may wait
    bool bell_refused_ = false;  ///< once, which has been said
    Nanos next_visit_{};
    Nanos next_hurried_visit_{};  ///< because a bell has rung for somebody unknown
    Nanos next_search_{};
    bool has_orphans_ = false;  ///< whoever was lost may have left children
    std::set<pid_t> stopped_;  ///< by a signal, and let go meanwhile
    /// Stopped before the stop of who made them was seen, and since when: who is killed before it
    /// can tell of them never will.
    std::map<pid_t, Nanos> early_;
    bool traps_lost_ = false;  ///< some have been disabled that were others', too

    mutable Mutex mutex_{LockRank::kLeaf};
    CondVar done_;
    std::deque<Order> orders_ MEMCGFS_GUARDED_BY(mutex_);
    /// Being given up; written by the loop alone.
    std::set<pid_t> leaving_ MEMCGFS_GUARDED_BY(mutex_);
    /// Those with a bell; written by the loop.
    std::set<pid_t> counted_ MEMCGFS_GUARDED_BY(mutex_);
    /// Of those with a bell; written by the loop.
    std::set<pid_t> stopped_by_us_ MEMCGFS_GUARDED_BY(mutex_);
    /// They were followed when they were to be given up; written by the loop.
    std::set<pid_t> given_up_ MEMCGFS_GUARDED_BY(mutex_);
    /// Threads whose call is to be made again; written by the loop.
    std::set<pid_t> to_be_made_again_ MEMCGFS_GUARDED_BY(mutex_);
    std::uint64_t given_ MEMCGFS_GUARDED_BY(mutex_) = 0;
    std::uint64_t carried_out_ MEMCGFS_GUARDED_BY(mutex_) = 0;
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace memcgfs::meter
