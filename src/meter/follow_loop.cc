// SPDX-License-Identifier: MIT
#include "meter/follow_loop.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "meter/proc_look.h"

namespace memcgfs::meter {

namespace {

/// Two threads' faults between traps.
constexpr Pages kTrappedLate{2 * FaultTrap::kFewest};

/// Who was made so long ago by somebody who is not followed, or has ended, is an orphan; and who by
/// somebody of whom that is not known (clone(2) with CLONE_PARENT) after that time.
constexpr Nanos kOrphaned = from_millis(10);
constexpr Nanos kNeverTold = from_millis(1000);

constexpr int kNice = -10;
constexpr std::int64_t kSecond = 1'000'000'000;

sigset_t awaited_signals(bool with_bells) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGURG);
    if (with_bells) {
        sigaddset(&set, SIGIO);
        sigaddset(&set, FaultBell::signal());
    }
    return set;
}

/// Of this thread.
Nanos processor_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return Nanos{now.tv_sec * kSecond + now.tv_nsec};
}

}  // namespace

void Follower::Loop::work() {
    pthread_setname_np(pthread_self(), "memcgfs-follow");
    // Those it follows run meanwhile. Best effort: an ordinary user may not.
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
    if (auto ready = FaultTrap::keep_ready(); ready.ok()) {
        ready_ = std::move(ready).value();
    }
    if (evicts()) {
        start_keeper();
    }
    for (;;) {
        const bool more = wait_for_children();
        const bool ordered = carry_out_orders();
        const bool rung = answer_bells();
        {
            const MutexLock lock(mutex_);
            if (stopping_) {
                break;
            }
        }
        if (clock_.now() >= next_tick_) {
            tick();
        }
        // Whatever comes after the last look has its signal, which waits.
        if (!more && !ordered && !rung) {
            pause();
        }
    }
    let_all_go();
    end_keeper();
}

/// The kernel would do that at the end of this thread, but not take back the traps: one that nobody
/// takes any more kills. It still does so with those that do not stop in time.
void Follower::Loop::let_all_go() {
    for (auto& [pid, one] : unfollowed_) {
        let_run(pid, one);
    }
    std::vector<pid_t> all;
    for (const auto& [pid, process] : processes_) {
        all.push_back(pid);
    }
    if (gates_ != nullptr && gates_->evicts()) {
        // Whoever waits for a page goes on, and can stop. What is evicted comes back before.
        gates_->stop();
    }
    for (const pid_t pid : all) {
        begin_leaving(pid);
    }
    const Nanos end = clock_.now() + kTurn * kTurns;
    while (!threads_.empty() && clock_.now() < end) {
        if (!wait_for_children()) {
            pause(kTurn);
        }
    }
}

bool Follower::Loop::wait_for_children() {
    int status = 0;
    // Enough for a turn: orders and ticks wait meanwhile.
    for (int turn = 0; turn < 64 && parts_.traces; ++turn) {
        const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
        if (tid <= 0) {
            return false;
        }
        on_status(tid, status);
    }
    return true;
}

void Follower::Loop::pause() {
    if (threads_.empty() && unfollowed_.empty() && stopped_.empty() && early_.empty() &&
        !has_orphans_) {
        const sigset_t awaited = awaited_signals(false);
        sigwaitinfo(&awaited, nullptr);
    } else {
        const Nanos now = clock_.now();
        const Nanos next = now < quiet_until_ ? std::min(next_tick_, quiet_until_) : next_tick_;
        pause(std::max(next - now, Nanos{0}));
    }
}

void Follower::Loop::pause(Nanos most) {
    const sigset_t awaited = awaited_signals(clock_.now() >= quiet_until_);
    const timespec timeout{.tv_sec = most.count() / kSecond, .tv_nsec = most.count() % kSecond};
    siginfo_t info{};
    if (sigtimedwait(&awaited, &info, &timeout) > 0) {
        note_signal(info);
    }
}

bool Follower::Loop::carry_out_orders() {
    bool any = false;
    for (;;) {
        Order order;
        {
            const MutexLock lock(mutex_);
            if (orders_.empty()) {
                return any;
            }
            order = std::move(orders_.front());
            orders_.pop_front();
        }
        switch (order.kind) {
            case Order::Kind::kBegin:
                if (seize_threads(order.pid)) {
                    static_cast<void>(meter_.watch(order.pid).ok());
                }
                break;
            case Order::Kind::kFollow:
                follow(order.pid);
                break;
            case Order::Kind::kAttend:
                if (!processes_.contains(order.pid) && !parts_.exempt(order.pid)) {
                    seize_threads(order.pid);
                }
                break;
            case Order::Kind::kGiveUp:
                begin_leaving(order.pid);
                break;
            case Order::Kind::kPaid:
                paid(order.pid);
                break;
            case Order::Kind::kHold:
                hold(order.pid);
                break;
            case Order::Kind::kWatchCall:
                watch(order.pid, order.pages);
                break;
            case Order::Kind::kWatchMapping:
                if (const auto thread = threads_.find(order.pid); thread != threads_.end()) {
                    if (thread->second.errand == Errand::kNone) {
                        thread->second.errand = Errand::kMapping;
                    }
                    interrupt(order.pid);
                }
                order.go_on();
                break;
            case Order::Kind::kEvict:
                begin_eviction(order.pid);
                break;
            case Order::Kind::kKeepResident:
                keep_resident(order.pid);
                order.go_on();
                break;
            case Order::Kind::kVisit:
                next_visit_ = clock_.now();
                visit_unfollowed();
                break;
        }
        any = true;
        const MutexLock lock(mutex_);
        carried_out_++;
        done_.notify_all();
    }
}

void Follower::Loop::tick() {
    TickPace::Round round;
    const Nanos begun = processor_time();
    for (auto at = processes_.begin(); at != processes_.end();) {
        auto& [pid, process] = *at++;  // which may be the last of it
        const Meter::Settled settled = look(pid, round);
        const Pages headroom = meter_.headroom(pid);
        // More than the traps let pass comes from within a system call. If the next look may come
        // too late, the end of the call is when to look again, before the program does. Not
        // otherwise: a read that is interrupted may come back short.
        if (!settled.free || (settled.grown > kTrappedLate && settled.grown * 2 > headroom)) {
            hold(pid);
        }
        watch_closely(process, headroom);
        let_end(pid, process);
    }
    look_at_stopped();
    look_after_evictions();
    adopt_orphans();
    renew_traps();
    for (auto& [pid, one] : unfollowed_) {
        look_at_unfollowed(pid, one, round);
    }
    visit_unfollowed();
    search();
    sockets_.tick();
    round.took = processor_time() - begun;
    next_tick_ = clock_.now() + pace_.after(round);
}

Meter::Settled Follower::Loop::look(pid_t pid, TickPace::Round& round) {
    const Meter::Settled settled = meter_.settle(pid);
    if (settled.grown > Pages{0}) {
        round.grew = true;
        round.headroom = std::min(round.headroom, meter_.headroom(pid));
    }
    return settled;
}

/// Follows those again that run again.
void Follower::Loop::look_at_stopped() {
    for (auto at = stopped_.begin(); at != stopped_.end();) {
        const pid_t pid = *at;
        if (is_stopped(pid)) {
            ++at;
            continue;
        }
        at = stopped_.erase(at);
        seize_threads(pid);
        if (processes_[pid].threads.empty()) {
            forget_process(pid);  // it has ended while nobody followed it
        } else if (has_gate(pid)) {
            gates_->guard_all(pid);  // what it was mapping when it was stopped
        }
    }
}

/// Their makers have been killed, and will not tell of them. One that is followed still only has
/// not come to run, on a busy machine: to adopt its child would charge what both have a second
/// time.
void Follower::Loop::adopt_orphans() {
    const Nanos now = clock_.now();
    const auto early = early_;
    for (const auto& [tid, since] : early) {
        if (now - since < kOrphaned) {
            continue;
        }
        const pid_t pid = process_of(tid);
        if (pid == 0) {
            early_.erase(tid);
            continue;
        }
        const pid_t maker = pid == tid ? parent_of(pid) : pid;
        if (processes_.contains(maker) && now - since < kNeverTold) {
            continue;
        }
        if (pid == tid) {
            meter_.fork({0, pid, false, parts_.tasks.css_set(pid), {}});
        }
        meter_.thread_begins(pid, tid);
        if (evicts() && pid == tid) {
            gates_->adopt(pid);
        }
        add_thread(pid, tid, nullptr);
        set_trap(tid, threads_[tid]);
    }
}

void Follower::Loop::forget_process(pid_t pid) {
    left(pid);
    end_gate(pid);
    meter_.exit(pid);
    processes_.erase(pid);
    stopped_.erase(pid);
    parts_.flush();
}

bool Follower::Loop::belongs_to_a_group(pid_t pid) {
    const MutexLock lock(parts_.engine_mutex);
    const engine::Hierarchy& hierarchy = parts_.engine.memory_hierarchy();
    const engine::Task* const task = parts_.engine.find_task_by_pid(pid);
    return task != nullptr &&
           (parts_.roots_too || task->groups.in(hierarchy.id) != hierarchy.root->id);
}

void Follower::Loop::follow(pid_t pid) {
    if (unfollowed_.contains(pid) || parts_.exempt(pid) || !belongs_to_a_group(pid)) {
        return;
    }
    const bool seized = processes_.contains(pid) || seize_threads(pid);
    if (!seized && has_ended(pid, pid)) {
        return;
    }
    if (!meter_.watches(pid)) {
        sockets_.leave_out(pid);
    }
    if (!meter_.watch(pid).ok()) {
        return;  // it has gone; its end will be heard of if it was seized
    }
    if (seized) {
        watch_closely(processes_[pid], meter_.headroom(pid));
    }
    if (seized && has_ended(pid, pid)) {
        look_by_another(pid, pid);
    }
    if (!seized) {
        look_from_afar(pid);
        if (parts_.traces) {
            parts_.logger.warn("pid={} cannot be followed: its {}", pid,
                               unfollowed_[pid].bell != nullptr
                                   ? "page faults are counted"
                                   : "memory is looked at from time to time");
        }
    } else {
        want_gate(pid);
    }
}

bool Follower::Loop::seize_threads(pid_t pid) {
    bool found_new = parts_.traces;
    while (std::exchange(found_new, false)) {
        for (const pid_t tid : threads_of(pid)) {
            if (threads_.contains(tid)) {
                continue;
            }
            const Result<void> seized =
                seize(tid, evicts() ? AtTracersEnd::kKilled : AtTracersEnd::kFree);
            if (seized.ok()) {
                add_thread(pid, tid, nullptr);
                set_trap(tid, threads_[tid]);
                found_new = true;
            } else if (seized.error() != Errno::kESRCH && !has_ended(pid, tid) &&
                       tracer_of(tid) != gettid()) {
                return false;
            }
            // What a followed thread has just made is followed already; its maker tells of it.
        }
    }
    return processes_.contains(pid);
}

void Follower::Loop::add_thread(pid_t pid, pid_t tid, const Thread* maker, Errand errand) {
    Thread& thread = threads_[tid];
    thread.process = pid;
    thread.fresh = maker != nullptr;
    processes_[pid].threads.insert(tid);
    if (maker != nullptr) {
        inherit_traps(thread, *maker);
    }
    thread.errand = errand;
    if (early_.erase(tid) > 0) {
        thread.fresh = false;
        if (run_errand(tid, thread)) {
            return;
        }
        if (parks(pid)) {
            park(tid, thread);
        } else {
            let_go(tid);
        }
    }
}

void Follower::Loop::paid(pid_t pid) {
    if (gates_ != nullptr) {
        gates_->paid(pid);
    }
    if (const auto one = unfollowed_.find(pid); one != unfollowed_.end() && one->second.stopped) {
        TickPace::Round round;
        look_at_unfollowed(pid, one->second, round);
    }
    const auto found = processes_.find(pid);
    if (found == processes_.end() || !meter_.settle(pid).free) {
        return;
    }
    for (const Held& held : std::exchange(found->second.held, {})) {
        if (held.exiting) {
            end_exit(pid, held.tid);
        } else if (const auto thread = threads_.find(held.tid); thread != threads_.end()) {
            resume(held.tid, thread->second);
        }
    }
}

/// Its threads stop, now or at the end of a call that is watched.
void Follower::Loop::hold(pid_t pid) {
    if (const auto one = unfollowed_.find(pid); one != unfollowed_.end()) {
        TickPace::Round round;
        look_at_unfollowed(pid, one->second, round);
    }
    interrupt_all(pid, false);
}

void Follower::Loop::interrupt_all(pid_t pid, bool in_calls) {
    const auto found = processes_.find(pid);
    if (found == processes_.end()) {
        return;
    }
    for (const pid_t tid : found->second.threads) {
        const auto& held = found->second.held;
        const bool stopped = std::any_of(held.begin(), held.end(),
                                         [tid](const Held& one) { return one.tid == tid; });
        if (!stopped && (in_calls || threads_[tid].call == LongCall::kNone)) {
            interrupt(tid);
        }
    }
}

/// What is read or populated at one go is seen by the ticker alone. It may come too late; the
/// thread shall not get away with it.
void Follower::Loop::watch(pid_t tid, Pages pages) {
    const auto found = threads_.find(tid);
    if (found == threads_.end() || found->second.call != LongCall::kNone ||
        leaves(found->second.process)) {
        return;
    }
    const pid_t pid = found->second.process;
    meter_.may_lock(pid);
    meter_.settle(pid);
    if (const Pages headroom = meter_.headroom(pid);
        headroom == kPageCounterMax || headroom > pages) {
        return;
    }
    found->second.call = LongCall::kStops;
    interrupt(tid);
    next_tick_ = clock_.now() + pace_.hurry();
    const MutexLock lock(mutex_);
    to_be_made_again_.insert(tid);
}

}  // namespace memcgfs::meter
