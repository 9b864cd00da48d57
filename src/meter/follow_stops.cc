// SPDX-License-Identifier: MIT
//
// What the follower does about each stop of a thread.
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "meter/follow_loop.h"
#include "meter/proc_look.h"

namespace memcgfs::meter {

namespace {

bool is_thread_of(pid_t pid, pid_t tid) { return syscall(SYS_tgkill, pid, tid, 0) == 0; }

bool shares_memory(pid_t first, pid_t second) {
    return syscall(SYS_kcmp, first, second, KCMP_VM, 0, 0) == 0;
}

}  // namespace

void Follower::Loop::on_status(pid_t tid, int status) {
    parts_.on_stop();
    const StopKind kind = kind_of_stop(status);
    if (kind == StopKind::kGone) {
        on_gone(tid);
        parts_.child_ended(tid, status);
        return;
    }
    const auto found = threads_.find(tid);
    if (found == threads_.end() && kind == StopKind::kExit) {
        early_.erase(tid);
        let_go(tid);
    } else if (found == threads_.end()) {
        early_.emplace(tid, clock_.now());
    } else {
        on_stop(tid, found->second, status);
    }
}

void Follower::Loop::on_stop(pid_t tid, Thread& thread, int status) {
    if (leaves(thread.process)) {
        leave(tid, thread, status);
        return;
    }
    switch (const StopKind kind = kind_of_stop(status)) {
        case StopKind::kFork:
        case StopKind::kVfork:
        case StopKind::kClone:
            on_child(tid, thread, kind);
            break;
        case StopKind::kExec:
            on_exec(tid, thread);
            break;
        case StopKind::kExit:
            on_exit(tid, thread);
            break;
        case StopKind::kHalted:
            if (run_errand(tid, thread)) {
                thread.fresh = false;
                break;
            }
            if (!std::exchange(thread.fresh, false)) {
                restart_interrupted_call(tid, thread.made_again, clock_.now());
            } else if (tid == thread.process) {
                resume(tid, thread);  // it has nothing yet that was not its maker's
                break;
            }
            if (thread.call == LongCall::kStops) {
                thread.call = LongCall::kComes;
            }
            if (parks(thread.process)) {
                park(tid, thread);
            } else {
                go_on_or_be_held(tid, thread);
            }
            break;
        case StopKind::kCall:
            on_call(tid, thread);
            break;
        case StopKind::kGroupStop:
            on_group_stop(tid, thread);
            break;
        case StopKind::kSignal:
            on_signal(tid, thread, WSTOPSIG(status));
            break;
        case StopKind::kGone:
            break;
    }
}

void Follower::Loop::on_child(pid_t tid, const Thread& thread, StopKind kind) {
    adopt_child(tid, thread, kind);
    resume(tid, thread);
}

void Follower::Loop::adopt_child(pid_t tid, const Thread& thread, StopKind kind) {
    const auto made = child_made_by(tid);
    if (!made || threads_.contains(*made)) {
        return;  // it has ended, or it is an orphan or has been taken for one (adopt_orphans())
    }
    const pid_t child = *made;
    const pid_t parent = thread.process;
    if (kind == StopKind::kClone && is_thread_of(parent, child)) {
        add_thread(parent, child, &thread);
        meter_.thread_begins(parent, child);
    } else {
        const bool shares =
            kind == StopKind::kVfork || (kind == StopKind::kClone && shares_memory(parent, child));
        meter_.settle(parent);
        // Who is in no group has no books, but the parent's trap: it cannot be let go.
        meter_.fork({parent, child, shares, parts_.tasks.css_set(child), {}});
        meter_.thread_begins(child, child);
        if (shares) {
            processes_[child].borrows_from = parent;
            end_parking(parent);
        } else if (evicts()) {
            gates_->adopt(child);
            processes_[child].keeps_resident = processes_[parent].keeps_resident;
        }
        add_thread(child, child, &thread,
                   !shares && has_gate(parent) ? Errand::kRaise : Errand::kNone);
    }
}

void Follower::Loop::on_exec(pid_t tid, Thread& thread) {
    const pid_t former = tid_before_exec(tid);
    if (former != tid) {
        threads_.erase(former);
        meter_.thread_ends(tid, former);
    }
    Process& process = processes_[thread.process];
    process.threads = {tid};
    process.held.clear();
    process.borrows_from = 0;
    process.keeps_resident = false;
    process.parking = false;
    process.parked.clear();
    if (std::exchange(process.looked_at_by, 0) != 0) {
        meter_.look_by(tid, tid);
    }
    thread.exiting = false;
    thread.call = LongCall::kNone;
    thread.errand = Errand::kNone;
    drop_traps(thread);
    end_gate(tid);
    if (parts_.exempt(tid)) {
        meter_.forget(tid);
        processes_.erase(tid);
        threads_.erase(tid);
        release(tid);
        return;
    }
    meter_.exec(tid, comm_of(tid));
    set_trap(tid, thread);
    if (gates_ != nullptr && meter_.watches(tid)) {
        // Before the end of execve(2) the thread can make no call.
        thread.errand = Errand::kRaise;
        let_go_to_call(tid);
    } else {
        let_go(tid);
    }
}

void Follower::Loop::on_exit(pid_t tid, Thread& thread) {
    drop_traps(thread);
    thread.exiting = true;
    Process& process = processes_[thread.process];
    const bool last = !stopped_.contains(thread.process) &&
                      std::all_of(process.threads.begin(), process.threads.end(),
                                  [this](pid_t other) { return threads_[other].exiting; });
    if (!last) {
        look_by_another(thread.process, tid);
        let_go(tid);
        return;
    }
    process.parking = false;
    // Who is killed pays nothing any more, and waits for nothing: least of all for room.
    if (dies_of_signal(tid) || meter_.settle(thread.process, Meter::Care::kQuick).free) {
        end_exit(thread.process, tid);
    } else {
        process.held.push_back({tid, true});
        let_end(thread.process, process);
    }
}

/// SIGKILL does nothing any more to who is about to end, so he cannot wait for room that may never
/// come. DEVIATION(ends-in-debt): in Linux he would have waited when he touched the memory.
void Follower::Loop::let_end(pid_t pid, Process& process) {
    if (process.held.size() == 1 && process.held.front().exiting && meter_.awaits_room(pid)) {
        const pid_t tid = process.held.front().tid;
        process.held.clear();
        end_exit(pid, tid);
    }
}

/// A thread that has ended knows of no memory, be it the first.
void Follower::Loop::look_by_another(pid_t pid, pid_t ending) {
    Process& process = processes_[pid];
    const pid_t now = process.looked_at_by != 0 ? process.looked_at_by : pid;
    const auto other = std::find_if(process.threads.begin(), process.threads.end(),
                                    [this](pid_t tid) { return !threads_[tid].exiting; });
    if (now == ending && other != process.threads.end()) {
        process.looked_at_by = *other;
        meter_.look_by(pid, *other);
    }
}

/// Its memory is still there, but nobody will use it any more.
void Follower::Loop::end_exit(pid_t pid, pid_t tid) {
    parts_.tasks.leaves(pid);
    if (const auto found = processes_.find(pid);
        tid == pid && found != processes_.end() && found->second.threads.size() == 1) {
        // Nothing is to be learned any more. Its parent need not wait until its tracer has reaped
        // it.
        threads_.erase(tid);
        forget_process(pid);
        release(tid);
        return;
    }
    end_gate(pid);
    meter_.exit(pid);
    parts_.flush();
    let_go(tid);
}

void Follower::Loop::on_signal(pid_t tid, Thread& thread, int signal) {
    if (signal != SIGTRAP || !is_fault_trap(tid)) {
        if (has_interrupted_call(tid) && is_ignored(tid, signal)) {
            // Who has no tracer does not even notice.
            restart_interrupted_call(tid, thread.made_again, clock_.now());
        }
        resume(tid, thread, signal);
    } else {
        // It is sent from an interrupt, and may come when the thread waits again.
        restart_interrupted_call(tid, thread.made_again, clock_.now());
        widen_trap(thread);
        go_on_or_be_held(tid, thread, Meter::Care::kQuick);
    }
}

void Follower::Loop::on_call(pid_t tid, Thread& thread) {
    if (thread.errand == Errand::kRaise) {
        if (!run_errand(tid, thread)) {
            let_go(tid);
        }
    } else if (thread.call == LongCall::kComes) {
        thread.call = LongCall::kGoesOn;
        resume(tid, thread);
    } else {
        thread.call = LongCall::kNone;
        go_on_or_be_held(tid, thread);
    }
}

void Follower::Loop::go_on_or_be_held(pid_t tid, const Thread& thread, Meter::Care care) {
    if (!meter_.settle(thread.process, care).free) {
        processes_[thread.process].held.push_back({tid});
        evict_if_all_stopped(thread.process);
    } else {
        resume(tid, thread);
    }
}

void Follower::Loop::resume(pid_t tid, const Thread& thread, int signal) {
    if (parks(thread.process)) {
        // A stop of another kind ends what was asked for.
        interrupt(tid);
    }
    if (thread.call == LongCall::kComes || thread.call == LongCall::kGoesOn) {
        let_go_to_call(tid, signal);
    } else {
        let_go(tid, signal);
    }
}

/// Its parent, ps(1) and whoever continues it shall find a stopped process, not a traced one.
void Follower::Loop::on_group_stop(pid_t tid, Thread& thread) {
    const pid_t pid = thread.process;
    end_parking(pid);
    if (!may_release(tid, thread, 0)) {
        return;
    }
    if (has_gate(pid)) {
        gates_->bring_all_back(pid);  // nobody ends it if this process does
    }
    stopped_.insert(pid);
    processes_[pid].threads.erase(tid);
    threads_.erase(tid);
    release(tid);
}

void Follower::Loop::on_gone(pid_t tid) {
    const auto found = threads_.find(tid);
    early_.erase(tid);
    if (found == threads_.end()) {
        return;
    }
    const pid_t pid = found->second.process;
    threads_.erase(found);
    meter_.thread_ends(pid, tid);
    const auto process = processes_.find(pid);
    if (process == processes_.end()) {
        return;
    }
    process->second.threads.erase(tid);
    process->second.parked.erase(tid);
    evict_if_all_stopped(pid);
    if (tid == pid || (process->second.threads.empty() && !stopped_.contains(pid))) {
        forget_process(pid);
    }
}

bool Follower::Loop::leaves(pid_t pid) {
    const MutexLock lock(mutex_);
    return leaving_.contains(pid);
}

void Follower::Loop::begin_leaving(pid_t pid) {
    const auto found = processes_.find(pid);
    if (found == processes_.end()) {
        return;
    }
    {
        const MutexLock lock(mutex_);
        leaving_.insert(pid);
        given_up_.insert(pid);
    }
    stopped_.erase(pid);
    leave_gate(pid);
    found->second.parking = false;
    for (const pid_t tid : std::exchange(found->second.parked, {})) {
        found->second.held.push_back({tid});
    }
    for (const Held& held : std::exchange(found->second.held, {})) {
        leave(held.tid, threads_[held.tid], 0);
    }
    if (processes_.contains(pid)) {
        interrupt_all(pid, true);
    }
}

/// A trap that nobody takes would kill. False: one is on its way; the thread goes on to meet it.
bool Follower::Loop::may_release(pid_t tid, Thread& thread, int signal) {
    disable_traps(thread);
    const bool free = !awaits_fault_trap(tid);
    if (!free) {
        let_go(tid, signal);
    }
    return free;
}

/// The thread is in a stop.
void Follower::Loop::leave(pid_t tid, Thread& thread, int status) {
    const StopKind kind = status == 0 ? StopKind::kHalted : kind_of_stop(status);
    const pid_t pid = thread.process;
    int signal = 0;
    if (kind == StopKind::kFork || kind == StopKind::kVfork || kind == StopKind::kClone) {
        adopt_child(tid, thread, kind);
    } else if (kind == StopKind::kSignal && !is_fault_trap(tid)) {
        signal = WSTOPSIG(status);
    } else if (kind == StopKind::kHalted || kind == StopKind::kSignal) {
        restart_interrupted_call(tid, thread.made_again, clock_.now());
    } else if (kind == StopKind::kExec) {
        meter_.exec(pid, comm_of(pid));
    }
    if (!may_release(tid, thread, signal)) {
        return;
    }
    threads_.erase(tid);
    Process& process = processes_[pid];
    process.threads.erase(tid);
    release(tid, signal);
    if (process.threads.empty()) {
        processes_.erase(pid);
        leave_gate(pid);
        look_from_afar(pid);
        unfollowed_[pid].given_up = true;
        left(pid);
    }
}

void Follower::Loop::left(pid_t pid) {
    const MutexLock lock(mutex_);
    if (leaving_.erase(pid) > 0) {
        done_.notify_all();
    }
}

}  // namespace memcgfs::meter
