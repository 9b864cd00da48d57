// SPDX-License-Identifier: MIT
#include "meter/follow_loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kcmp.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace memcgfs::meter {

namespace {

std::vector<pid_t> threads_of(pid_t pid) {
    std::vector<pid_t> threads;
    DIR* const directory = opendir(fmt::format("/proc/{}/task", pid).c_str());
    if (directory == nullptr) {
        return threads;
    }
    while (const dirent* const entry = readdir(directory)) {
        if (const int tid = std::atoi(entry->d_name); tid > 0) {
            threads.push_back(tid);
        }
    }
    closedir(directory);
    return threads;
}

std::string comm_of(pid_t pid) {
    std::array<char, 32> name{};
    const int file = open(fmt::format("/proc/{}/comm", pid).c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t size = file < 0 ? 0 : read(file, name.data(), name.size());
    if (file >= 0) {
        close(file);
    }
    return std::string(name.data(), static_cast<std::size_t>(std::max<ssize_t>(size - 1, 0)));
}

bool is_thread_of(pid_t pid, pid_t tid) { return syscall(SYS_tgkill, pid, tid, 0) == 0; }

bool shares_memory(pid_t first, pid_t second) {
    return syscall(SYS_kcmp, first, second, KCMP_VM, 0, 0) == 0;
}

/// Two threads' faults between traps.
constexpr Pages kTrappedLate{2 * FaultTrap::kFaults};

constexpr int kNice = -10;
constexpr std::int64_t kSecond = 1'000'000'000;

sigset_t awaited_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGURG);
    return set;
}

}  // namespace

void Follower::Loop::work() {
    pthread_setname_np(pthread_self(), "memcgfs-follow");
    // Those it follows run meanwhile. Best effort: an ordinary user may not.
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
    if (auto ready = FaultTrap::keep_ready(); ready.ok()) {
        ready_ = std::move(ready).value();
    }
    for (;;) {
        const bool heard = wait_for_children();
        const bool ordered = carry_out_orders();
        {
            const MutexLock lock(mutex_);
            if (stopping_) {
                return;  // the kernel lets all go
            }
        }
        if (clock_.now() >= next_tick_) {
            tick();
        }
        if (!heard && !ordered) {
            pause();
        }
    }
}

bool Follower::Loop::wait_for_children() {
    bool heard = false;
    int status = 0;
    // Enough for a turn: orders and ticks wait meanwhile.
    for (int turn = 0; turn < 64; ++turn) {
        const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
        if (tid <= 0) {
            break;
        }
        on_status(tid, status);
        heard = true;
    }
    return heard;
}

void Follower::Loop::pause() {
    const sigset_t awaited = awaited_signals();
    if (threads_.empty() && unfollowed_.empty()) {
        sigwaitinfo(&awaited, nullptr);
        return;
    }
    const Nanos left = std::max(next_tick_ - clock_.now(), Nanos{0});
    const timespec timeout{.tv_sec = left.count() / kSecond, .tv_nsec = left.count() % kSecond};
    sigtimedwait(&awaited, nullptr, &timeout);
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
            order = orders_.front();
            orders_.pop_front();
        }
        switch (order.kind) {
            case Order::Kind::kFollow:
                follow(order.pid);
                break;
            case Order::Kind::kPaid:
                paid(order.pid);
                break;
            case Order::Kind::kHold:
                hold(order.pid);
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
    const auto look = [&](pid_t pid) {
        round.processes++;
        const Meter::Settled settled = meter_.settle(pid);
        if (settled.grown > Pages{0}) {
            round.grew = true;
            round.headroom = std::min(round.headroom, meter_.headroom(pid));
        }
        // More than the traps let pass comes from within a system call: the end of that is when to
        // look again, before the program does.
        if (!settled.free || settled.grown > kTrappedLate) {
            hold(pid);
        }
    };
    for (const auto& [pid, process] : processes_) {
        look(pid);
    }
    for (auto at = unfollowed_.begin(); at != unfollowed_.end();) {
        const pid_t pid = *at++;
        look(pid);
        if (kill(pid, 0) != 0 && errno == ESRCH) {
            meter_.exit(pid);
            unfollowed_.erase(pid);
        }
    }
    next_tick_ = clock_.now() + pace_.after(round);
}

void Follower::Loop::on_status(pid_t tid, int status) {
    const StopKind kind = kind_of_stop(status);
    if (kind == StopKind::kGone) {
        on_gone(tid);
        parts_.child_ended(tid, status);
        return;
    }
    const auto found = threads_.find(tid);
    if (found == threads_.end()) {
        early_.insert(tid);
    } else {
        on_stop(tid, found->second, status);
    }
}

void Follower::Loop::on_stop(pid_t tid, Thread& thread, int status) {
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
            if (!std::exchange(thread.fresh, false)) {
                restart_interrupted_call(tid);
            }
            if (meter_.settle(thread.process).free) {
                let_go(tid);
            } else {
                processes_[thread.process].held.push_back({tid});
            }
            break;
        case StopKind::kGroupStop:
            listen(tid);
            break;
        case StopKind::kSignal:
            on_signal(tid, thread, WSTOPSIG(status));
            break;
        case StopKind::kGone:
            break;
    }
}

void Follower::Loop::on_child(pid_t tid, const Thread& thread, StopKind kind) {
    const pid_t child = event_message(tid);
    const pid_t parent = thread.process;
    if (kind == StopKind::kClone && is_thread_of(parent, child)) {
        add_thread(parent, child, true, thread.trap);
    } else {
        const bool shares =
            kind == StopKind::kVfork || (kind == StopKind::kClone && shares_memory(parent, child));
        meter_.settle(parent);
        meter_.fork({parent, child, shares, parts_.tasks.css_set(child)});
        add_thread(child, child, true, thread.trap);
    }
    let_go(tid);
}

void Follower::Loop::on_exec(pid_t tid, Thread& thread) {
    const pid_t former = event_message(tid);
    if (former != tid) {
        threads_.erase(former);
    }
    Process& process = processes_[thread.process];
    process.threads = {tid};
    process.held.clear();
    thread.exiting = false;
    if (parts_.exempt(tid)) {
        meter_.forget(tid);
        processes_.erase(tid);
        threads_.erase(tid);
        release(tid);
        return;
    }
    meter_.exec(tid, comm_of(tid));
    set_trap(tid, thread);
    let_go(tid);
}

void Follower::Loop::on_exit(pid_t tid, Thread& thread) {
    thread.trap = {};
    thread.exiting = true;
    Process& process = processes_[thread.process];
    const bool last = std::all_of(process.threads.begin(), process.threads.end(),
                                  [this](pid_t other) { return threads_[other].exiting; });
    if (!last) {
        let_go(tid);
        return;
    }
    if (meter_.settle(thread.process).free) {
        end_exit(thread.process, tid);
    } else {
        process.held.push_back({tid, true});
    }
}

/// Its memory is still there, but nobody will use it any more.
void Follower::Loop::end_exit(pid_t pid, pid_t tid) {
    parts_.tasks.leaves(pid);
    meter_.exit(pid);
    parts_.flush();
    let_go(tid);
}

void Follower::Loop::on_signal(pid_t tid, const Thread& thread, int signal) {
    if (signal != SIGTRAP || !is_fault_trap(tid)) {
        let_go(tid, signal);
        return;
    }
    if (meter_.settle(thread.process).free) {
        let_go(tid);
    } else {
        processes_[thread.process].held.push_back({tid});
    }
}

void Follower::Loop::on_gone(pid_t tid) {
    const auto found = threads_.find(tid);
    early_.erase(tid);
    if (found == threads_.end()) {
        return;
    }
    const pid_t pid = found->second.process;
    threads_.erase(found);
    const auto process = processes_.find(pid);
    if (process == processes_.end()) {
        return;
    }
    process->second.threads.erase(tid);
    if (process->second.threads.empty() || tid == pid) {
        meter_.exit(pid);
        processes_.erase(process);
        parts_.flush();
    }
}

bool Follower::Loop::belongs_to_a_group(pid_t pid) {
    const MutexLock lock(parts_.engine_mutex);
    const engine::Hierarchy& hierarchy = parts_.engine.memory_hierarchy();
    const engine::Task* const task = parts_.engine.find_task_by_pid(pid);
    return task != nullptr && task->groups.in(hierarchy.id) != hierarchy.root->id;
}

void Follower::Loop::follow(pid_t pid) {
    if (processes_.contains(pid) || unfollowed_.contains(pid) || parts_.exempt(pid) ||
        !belongs_to_a_group(pid)) {
        return;
    }
    const bool seized = seize_threads(pid);
    if (!meter_.watch(pid).ok()) {
        return;  // it has gone; its end will be heard of if it was seized
    }
    if (!seized) {
        parts_.logger.warn("pid={} cannot be followed: its memory is looked at from time to time",
                           pid);
        unfollowed_.insert(pid);
    }
}

bool Follower::Loop::seize_threads(pid_t pid) {
    bool found_new = true;
    while (std::exchange(found_new, false)) {
        for (const pid_t tid : threads_of(pid)) {
            if (threads_.contains(tid)) {
                continue;
            }
            const Result<void> seized = seize(tid);
            if (seized.ok()) {
                add_thread(pid, tid, false, nullptr);
                set_trap(tid, threads_[tid]);
                found_new = true;
            } else if (seized.error() != Errno::kESRCH) {
                return false;
            }
        }
    }
    return processes_.contains(pid);
}

void Follower::Loop::add_thread(pid_t pid, pid_t tid, bool fresh, std::shared_ptr<FaultTrap> trap) {
    Thread& thread = threads_[tid];
    thread.process = pid;
    thread.fresh = fresh;
    processes_[pid].threads.insert(tid);
    thread.trap = std::move(trap);
    if (early_.erase(tid) > 0) {
        thread.fresh = false;
        let_go(tid);
    }
}

void Follower::Loop::set_trap(pid_t tid, Thread& thread) {
    if (!traps_) {
        return;
    }
    auto trap = FaultTrap::set(tid);
    if (trap.ok()) {
        thread.trap = std::make_shared<FaultTrap>(std::move(trap).value());
    } else if (trap.error() != Errno::kESRCH) {
        traps_ = false;
        parts_.logger.warn("page faults cannot be counted ({}): limits act some milliseconds late",
                           errno_name(trap.error()));
    }
}

void Follower::Loop::paid(pid_t pid) {
    const auto found = processes_.find(pid);
    if (found == processes_.end() || !meter_.settle(pid).free) {
        return;
    }
    for (const Held& held : std::exchange(found->second.held, {})) {
        if (held.exiting) {
            end_exit(pid, held.tid);
        } else {
            let_go(held.tid);
        }
    }
}

void Follower::Loop::hold(pid_t pid) {
    const auto found = processes_.find(pid);
    if (found == processes_.end()) {
        return;
    }
    for (const pid_t tid : found->second.threads) {
        const auto& held = found->second.held;
        const bool stopped = std::any_of(held.begin(), held.end(),
                                         [tid](const Held& one) { return one.tid == tid; });
        if (!stopped) {
            interrupt(tid);
        }
    }
}

}  // namespace memcgfs::meter
