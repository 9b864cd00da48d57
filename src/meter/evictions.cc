// SPDX-License-Identifier: MIT
//
// What the follower does to evict pages: it stops all threads of a process, reads pages that the
// books have in swap into the swap file, and has one of the threads drop them, by a call that it
// makes without knowing.
//
// All threads are in stops meanwhile, so nobody maps or writes anything. Not evicted are: processes
// that share their memory with another (vfork), or whose pages somebody may have pinned
// (keep_resident()); pages that a fork shares; those that the kernel uses where it cannot wait.
// DEVIATION(evicted-pages)
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "meter/follow_loop.h"
#include "meter/proc_look.h"
#include "meter/remote_calls.h"

#ifdef __SANITIZE_THREAD__
// ThreadSanitizer's clone() takes the child for one with its own memory, and what it notes there of
// the thread is noted of the parent's.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);
#define MEMCGFS_CLONE __clone
#else
#define MEMCGFS_CLONE clone
#endif

namespace memcgfs::meter {

namespace {

/// At one go: the process stands still, and the follower does nothing else.
constexpr Pages kMostAtOnce{256};

/// How long threads may take to stop, and when it is tried again if they do not, or nothing can be
/// evicted.
constexpr Nanos kStopsWithin = from_millis(20);
constexpr Nanos kTriedAgain = from_millis(50);

/// Where a thread has its control block, as the C library and the kernel use it: the thread's id is
/// cleared there when it has ended, when nobody can bring a page back any more.
void keep_control_block(pid_t tid, std::vector<std::uint64_t>& kept) {
#if defined(__x86_64__)
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, tid, nullptr, &registers) == 0 && registers.fs_base != 0) {
        const std::uint64_t page = registers.fs_base / kPageSize * kPageSize;
        for (const std::uint64_t each : {page - kPageSize, page, page + kPageSize}) {
            kept.push_back(each);
        }
    }
#else
    (void)tid;
    (void)kept;
#endif
}

bool read_pages(pid_t pid, const VictimRange& range, std::vector<std::byte>& contents) {
    std::vector<iovec> places;
    for (const std::uint64_t address : range.pages) {
        places.push_back({reinterpret_cast<void*>(address), kPageSize});
    }
    contents.resize(range.pages.size() * kPageSize);
    const iovec local{contents.data(), contents.size()};
    return process_vm_readv(pid, &local, 1, places.data(), places.size(), 0) ==
           static_cast<ssize_t>(contents.size());
}

/// Does nothing, and has this process's descriptors.
int keep_descriptors(void* parent) {
    // The thread's own errno is shared: nothing here may fail, and no signal comes.
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (syscall(SYS_getppid) != *static_cast<const pid_t*>(parent)) {
        return 0;
    }
    for (;;) {
        syscall(SYS_pause);
    }
}

}  // namespace

/// When this process dies, the kernel may close its descriptors before it kills those who are
/// followed: who waits for a page would find an empty one. The keeper has the descriptors, too, and
/// is killed by the end of the thread that follows, after them.
void Follower::Loop::start_keeper() {
    constexpr std::size_t kStack = 16384;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    keeper_stack_.resize(kStack);
    keeper_parent_ = getpid();
    keeper_ = MEMCGFS_CLONE(keep_descriptors, keeper_stack_.data() + kStack, CLONE_VM | CLONE_FILES,
                            &keeper_parent_);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Follower::Loop::end_keeper() {
    if (keeper_ > 0) {
        kill(keeper_, SIGKILL);
        waitpid(keeper_, nullptr, __WALL);
    }
}

Result<UniqueFd, std::string> Follower::make_swap_file(const std::string& directory) {
#if !defined(__x86_64__)
    return Failed<std::string>{"pages can be evicted on x86-64 alone"};
#endif
    UniqueFd faults(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    const Errno refused = static_cast<Errno>(errno);
    const auto gate = faults.valid() ? FaultGate::open(std::move(faults), FaultGate::Use::kEviction)
                                     : Result<FaultGate>(Err(refused));
    if (!gate.ok()) {
        return Failed<std::string>{
            fmt::format("pages cannot be evicted here, which needs Linux 5.7 and CAP_SYS_PTRACE "
                        "(userfaultfd: {})",
                        errno_name(gate.error()))};
    }
    auto file = SwapFile::make_file(directory);
    if (!file.ok()) {
        return Failed<std::string>{fmt::format("no swap file can be made in {} ({})", directory,
                                               errno_name(file.error()))};
    }
    return std::move(file).value();
}

/// Its threads stop, and when all have, evict() comes.
void Follower::Loop::begin_eviction(pid_t pid) {
    if (!has_gate(pid)) {
        return;
    }
    gates_->heard(pid);
    const auto found = processes_.find(pid);
    if (found == processes_.end() || stopped_.contains(pid) || leaves(pid)) {
        return;
    }
    Process& process = found->second;
    if (process.parking || process.keeps_resident || clock_.now() < process.next_eviction ||
        lends_memory(pid) || gates_->to_evict(pid) == Pages{0}) {
        return;
    }
    process.parking = true;
    process.parks_until = clock_.now() + kStopsWithin;
    next_tick_ = std::min(next_tick_, process.parks_until);
    for (const pid_t tid : process.threads) {
        const bool stopped = std::any_of(process.held.begin(), process.held.end(),
                                         [tid](const Held& one) { return one.tid == tid; });
        if (!stopped && !threads_[tid].exiting) {
            interrupt(tid);
        }
    }
    evict_if_all_stopped(pid);
}

bool Follower::Loop::parks(pid_t pid) const {
    const auto found = processes_.find(pid);
    return found != processes_.end() && found->second.parking;
}

/// The thread is in a stop, and stays there.
void Follower::Loop::park(pid_t tid, const Thread& thread) {
    processes_[thread.process].parked.insert(tid);
    evict_if_all_stopped(thread.process);
}

bool Follower::Loop::lends_memory(pid_t pid) const {
    return std::any_of(processes_.begin(), processes_.end(), [pid](const auto& each) {
        return each.second.borrows_from == pid ||
               (each.first == pid && each.second.borrows_from != 0);
    });
}

void Follower::Loop::evict_if_all_stopped(pid_t pid) {
    const auto found = processes_.find(pid);
    if (found == processes_.end() || !found->second.parking) {
        return;
    }
    Process& process = found->second;
    const auto is_still = [&](pid_t tid) {
        return process.parked.contains(tid) ||
               std::any_of(process.held.begin(), process.held.end(),
                           [tid](const Held& one) { return one.tid == tid; }) ||
               (threads_[tid].exiting && has_ended(pid, tid));
    };
    if (!std::all_of(process.threads.begin(), process.threads.end(), is_still)) {
        return;
    }
    if (process.parked.empty() || lends_memory(pid)) {
        end_parking(pid);
        return;
    }
    const pid_t tid = *process.parked.begin();
    process.parked.erase(tid);
    process.parking = false;
    const Pages evicted = evict(pid, tid);
    if (const auto still = processes_.find(pid); still != processes_.end() && evicted == Pages{0}) {
        still->second.next_eviction = clock_.now() + kTriedAgain;
    }
    end_parking(pid);
    if (evicted > Pages{0} && gates_->to_evict(pid) > Pages{0}) {
        next_tick_ = clock_.now();
    }
}

/// All go on.
void Follower::Loop::end_parking(pid_t pid) {
    const auto found = processes_.find(pid);
    if (found == processes_.end()) {
        return;
    }
    found->second.parking = false;
    for (const pid_t tid : std::exchange(found->second.parked, {})) {
        if (const auto thread = threads_.find(tid); thread != threads_.end()) {
            go_on_or_be_held(tid, thread->second);
        }
    }
}

/// Of each tick.
void Follower::Loop::look_after_evictions() {
    if (gates_ == nullptr || !gates_->evicts()) {
        return;
    }
    std::vector<pid_t> all;
    for (const auto& [pid, process] : processes_) {
        all.push_back(pid);
    }
    for (const pid_t pid : all) {
        const auto process = processes_.find(pid);
        if (process == processes_.end()) {
            continue;
        }
        if (process->second.parking && clock_.now() >= process->second.parks_until) {
            process->second.next_eviction = clock_.now() + kTriedAgain;
            end_parking(pid);
        } else {
            begin_eviction(pid);
        }
    }
}

/// All threads are in stops; this one makes the calls, and goes on afterwards.
Pages Follower::Loop::evict(pid_t pid, pid_t tid) {
    Pages evicted{0};
    std::optional<int> killed;
    bool called = false;
    const bool frozen = gates_->freeze(pid);
    const Pages wanted = std::min(gates_->to_evict(pid), kMostAtOnce);
    const auto ranges = frozen ? processes_[pid].hand.choose(pid, wanted, kept_pages(pid, tid))
                               : std::vector<VictimRange>{};
    if (!ranges.empty()) {
        if (auto calls = RemoteCalls::begin(pid, tid)) {
            called = true;
            for (const VictimRange& range : ranges) {
                evicted += evict_range(pid, range, *calls);
            }
            killed = calls->killed();
        }
    }
    gates_->thaw(pid);
    if (killed) {
        on_status(tid, *killed);
    } else if (called) {
        interrupt(tid);
        let_go(tid);
    } else {
        go_on_or_be_held(tid, threads_[tid]);
    }
    return evicted;
}

Pages Follower::Loop::evict_range(pid_t pid, const VictimRange& range, RemoteCalls& calls) {
    const std::uint64_t length = range.end - range.start;
    if (!gates_->begin_eviction(pid, range.start, length)) {
        return Pages{0};
    }
    std::vector<std::byte> contents;
    bool kept = read_pages(pid, range, contents);
    meter_.suspend_looks(pid, true);
    for (std::size_t page = 0; kept && page < range.pages.size(); ++page) {
        const SwapFile::ConstPage one(&contents[page * kPageSize], kPageSize);
        kept = gates_->put(pid, range.pages[page], one).ok();
    }
    const bool gone = kept && calls.make(SYS_madvise, {range.start, length, MADV_DONTNEED}).ok();
    gates_->end_eviction(pid, gone);
    meter_.suspend_looks(pid, false);
    return gone ? Pages{range.pages.size()} : Pages{0};
}

/// Pages that the kernel or others use where nobody can wait for them, in order.
std::vector<std::uint64_t> Follower::Loop::kept_pages(pid_t pid, pid_t tid) {
    std::vector<std::uint64_t> kept;
    Process& process = processes_[pid];
    keep_control_block(tid, kept);
    for (const pid_t other : process.parked) {
        keep_control_block(other, kept);
    }
    for (const Held& other : process.held) {
        keep_control_block(other.tid, kept);
    }
    const PrivateMemory arguments = arguments_of(pid);
    for (std::uint64_t at = arguments.start / kPageSize * kPageSize; at < arguments.end;
         at += kPageSize) {
        kept.push_back(at);
    }
    std::sort(kept.begin(), kept.end());
    return kept;
}

void Follower::Loop::keep_resident(pid_t pid) {
    const auto found = processes_.find(pid);
    if (found != processes_.end()) {
        found->second.keeps_resident = true;
        end_parking(pid);
    }
}

}  // namespace memcgfs::meter
