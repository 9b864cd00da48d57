// SPDX-License-Identifier: MIT
//
// What the follower does for the gates of the exact tier (gatekeeper.h): it raises them, by calls
// that the process makes without knowing, and extends them to what the process maps.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "memcgfs/base/unique_fd.h"
#include "meter/follow_loop.h"
#include "meter/proc_look.h"
#include "meter/remote_calls.h"

namespace memcgfs::meter {

namespace {

Result<UniqueFd> take_descriptor(pid_t pid, int number) {
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    const auto file = static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0));
    if (file < 0) {
        return Err(static_cast<Errno>(errno));
    }
    return UniqueFd(file);
}

constexpr std::uint64_t kFlags = O_CLOEXEC | O_NONBLOCK;

/// For those whom userfaultfd(2) is not allowed, but to whom the host's owner has given the device
/// (userfaultfd(2), 6.1).
Result<std::int64_t> open_device(RemoteCalls& calls) {
    const auto device = static_cast<std::uint64_t>(MEMCGFS_TRY(
        calls.make_with("/dev/userfaultfd", 1, SYS_openat,
                        {static_cast<std::uint64_t>(AT_FDCWD), 0, O_RDWR | O_CLOEXEC})));
    auto number = calls.make(SYS_ioctl, {device, USERFAULTFD_IOC_NEW, kFlags});
    MEMCGFS_TRY(calls.make(SYS_close, {device, 0, 0}));
    return number;
}

Result<FaultGate> make_gate(pid_t pid, RemoteCalls& calls, FaultGate::Use use) {
    auto number = calls.make(SYS_userfaultfd, {kFlags, 0, 0});
    if (!number.ok() && number.error() == Errno::kEPERM) {
        number = open_device(calls);
    }
    const auto descriptor = static_cast<std::uint64_t>(MEMCGFS_TRY(std::move(number)));
    auto file = take_descriptor(pid, static_cast<int>(descriptor));
    MEMCGFS_TRY(calls.make(SYS_close, {descriptor, 0, 0}));
    return FaultGate::open(MEMCGFS_TRY(std::move(file)), use);
}

}  // namespace

/// The first stop of one of its threads is when to raise it.
void Follower::Loop::want_gate(pid_t pid) {
    const auto found = processes_.find(pid);
    if (gates_ == nullptr || found == processes_.end() || has_gate(pid)) {
        return;
    }
    // The one that is moving itself, if it is not about to end.
    auto tid = found->second.threads.find(pid);
    if (tid == found->second.threads.end() || threads_[pid].exiting) {
        tid = std::find_if(found->second.threads.begin(), found->second.threads.end(),
                           [this](pid_t other) { return !threads_[other].exiting; });
    }
    if (tid != found->second.threads.end()) {
        threads_[*tid].errand = Errand::kRaise;
        interrupt(*tid);
    }
}

bool Follower::Loop::run_errand(pid_t tid, Thread& thread) {
    switch (std::exchange(thread.errand, Errand::kNone)) {
        case Errand::kNone:
            break;
        case Errand::kRaise:
            return raise_gate(tid, thread);
        case Errand::kMapping:
            guard_mapping(tid, thread);
            break;
    }
    return false;
}

bool Follower::Loop::raise_gate(pid_t tid, const Thread& thread) {
    const pid_t pid = thread.process;
    if (has_gate(pid) || !meter_.watches(pid)) {
        return false;
    }
    // It may end a program for a call that it never makes.
    if (has_own_filter(pid)) {
        if (!std::exchange(filter_refused_, true)) {
            parts_.logger.warn(
                "page faults of pid={} cannot wait, nor those of any other process with a filter "
                "of system calls of its own (seccomp): charged as with --charge event",
                pid);
        }
        return false;
    }
    std::optional<int> killed;
    Result<FaultGate> gate = Err(Errno::kENOSYS);
    bool called = false;
    {
        auto calls = RemoteCalls::begin(pid, tid);
        if (calls) {
            called = true;
            gate =
                make_gate(pid, *calls,
                          gates_->evicts() ? FaultGate::Use::kEviction : FaultGate::Use::kCharging);
            killed = calls->killed();
        }
    }
    if (killed) {
        on_status(tid, *killed);
        return true;
    }
    if (gate.ok()) {
        processes_[pid].keeps_resident |= gates_->evicts() && has_async_io(pid);
        gates_->begin(pid, std::move(gate).value());
    } else if (!std::exchange(gate_refused_, true)) {
        parts_.logger.warn("page faults of pid={} cannot wait ({}): charged as with --charge event",
                           pid, errno_name(gate.error()));
    }
    if (!called) {
        return false;
    }
    // Only in a stop of that kind does the kernel make a call again that it has interrupted.
    interrupt(tid);
    let_go(tid);
    return true;
}

/// The call's end: what it has mapped is told by its arguments.
void Follower::Loop::guard_mapping(pid_t tid, const Thread& thread) {
    const auto call = ended_call(tid);
    if (!call || call->result <= 0) {
        return;
    }
    const auto start = static_cast<std::uint64_t>(call->result);
    const auto whole = [](std::uint64_t length) {
        return (length + kPageSize - 1) / kPageSize * kPageSize;
    };
    if (call->number == SYS_brk) {
        gates_->guard_heap(thread.process, start);
    } else if (call->number == SYS_mmap) {
        gates_->guard(thread.process, start, whole(call->arguments[1]));
    } else if (call->number == SYS_mremap) {
        gates_->guard(thread.process, start, whole(call->arguments[2]));
    }
}

void Follower::Loop::leave_gate(pid_t pid) {
    if (gates_ != nullptr) {
        gates_->leave(pid);
    }
}

void Follower::Loop::end_gate(pid_t pid) {
    if (gates_ != nullptr) {
        gates_->end(pid);
    }
}

}  // namespace memcgfs::meter
