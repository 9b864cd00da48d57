// SPDX-License-Identifier: MIT
#include "meter/tracee.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

namespace memcgfs::meter {

namespace {

constexpr int kMostSignals = 32;      // that are looked at
constexpr int kTrapPerf = 6;          // TRAP_PERF (asm-generic/siginfo.h, 5.13)
constexpr unsigned kSyscallSize = 2;  // of x86-64's instruction
constexpr int kCallStop = SIGTRAP | 0x80;  // with PTRACE_O_TRACESYSGOOD

/// Signals that wait for the thread alone, or for any of its process.
std::vector<siginfo_t> waiting_signals(pid_t tid, std::uint32_t queue) {
    std::vector<siginfo_t> signals(kMostSignals);
    __ptrace_peeksiginfo_args args{};
    args.flags = queue;
    args.nr = kMostSignals;
    const long count = ptrace(PTRACE_PEEKSIGINFO, tid, &args, signals.data());
    signals.resize(static_cast<std::size_t>(std::max(count, 0L)));
    return signals;
}

/// Some are about to be delivered: then it is they that have interrupted its call.
bool has_signals(pid_t tid) {
    std::uint64_t blocked = 0;
    ptrace(PTRACE_GETSIGMASK, tid, sizeof blocked, &blocked);
    const auto comes = [blocked](const siginfo_t& info) {
        return (blocked >> static_cast<unsigned>(info.si_signo - 1) & 1U) == 0;
    };
    const auto own = waiting_signals(tid, 0);
    const auto shared = waiting_signals(tid, PTRACE_PEEKSIGINFO_SHARED);
    return std::any_of(own.begin(), own.end(), comes) ||
           std::any_of(shared.begin(), shared.end(), comes);
}

bool is_of_counter(const siginfo_t& info) {
    return info.si_signo == SIGTRAP && info.si_code == kTrapPerf;
}

#if defined(__x86_64__)
/// False: it was not interrupted in a call.
bool registers_of_interrupted(pid_t tid, user_regs_struct& registers) {
    return ptrace(PTRACE_GETREGS, tid, nullptr, &registers) == 0 &&
           static_cast<long long>(registers.orig_rax) >= 0 &&
           static_cast<long long>(registers.rax) == -EINTR;
}

/// Of an epoll_wait(2), in milliseconds. How long it had waited at the first time nobody knows; a
/// millisecond less shows that it is still the same call.
void shorten_timeout(user_regs_struct& registers, CallMadeAgain& last, Nanos now) {
    const auto timeout = static_cast<std::int32_t>(registers.r10);
    if (timeout <= 0) {
        return;
    }
    const auto millis = static_cast<std::uint64_t>(timeout);
    if (last.place != registers.rip || last.millis != millis) {
        last = {registers.rip, millis - 1, now};
    } else {
        const auto passed =
            static_cast<std::uint64_t>((now - last.since).count() / from_millis(1).count());
        last.millis -= std::min(millis, passed);
        last.since += from_millis(static_cast<std::int64_t>(passed));
    }
    registers.r10 = last.millis;
}
#endif

/// 0 if the thread is not in a stop any more: a kill ends any.
pid_t event_message(pid_t tid) {
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message);
    return static_cast<pid_t>(message);
}

}  // namespace

StopKind kind_of_stop(int wait_status) {
    if (!WIFSTOPPED(wait_status)) {
        return StopKind::kGone;
    }
    switch (static_cast<unsigned>(wait_status) >> 16U) {
        case PTRACE_EVENT_FORK:
            return StopKind::kFork;
        case PTRACE_EVENT_VFORK:
            return StopKind::kVfork;
        case PTRACE_EVENT_CLONE:
            return StopKind::kClone;
        case PTRACE_EVENT_EXEC:
            return StopKind::kExec;
        case PTRACE_EVENT_EXIT:
            return StopKind::kExit;
        case PTRACE_EVENT_STOP:
            return WSTOPSIG(wait_status) == SIGTRAP ? StopKind::kHalted : StopKind::kGroupStop;
        default:
            return WSTOPSIG(wait_status) == kCallStop ? StopKind::kCall : StopKind::kSignal;
    }
}

Result<void> seize(pid_t tid, AtTracersEnd end) {
    constexpr long kOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                              PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD;
    const long options = kOptions | (end == AtTracersEnd::kKilled ? PTRACE_O_EXITKILL : 0);
    if (ptrace(PTRACE_SEIZE, tid, nullptr, options) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return {};
}

void let_go(pid_t tid, int signal) { ptrace(PTRACE_CONT, tid, nullptr, static_cast<long>(signal)); }

void let_go_to_call(pid_t tid, int signal) {
    ptrace(PTRACE_SYSCALL, tid, nullptr, static_cast<long>(signal));
}

void interrupt(pid_t tid) { ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr); }

void release(pid_t tid, int signal) {
    ptrace(PTRACE_DETACH, tid, nullptr, static_cast<long>(signal));
}

std::optional<pid_t> child_made_by(pid_t tid) {
    const pid_t child = event_message(tid);
    siginfo_t info{};
    constexpr int kAnyNews = WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL;
    if (child <= 0 || waitid(P_PID, static_cast<id_t>(child), &info, kAnyNews) != 0) {
        return std::nullopt;
    }
    return child;
}

pid_t tid_before_exec(pid_t tid) { return event_message(tid); }

bool dies_of_signal(pid_t tid) {
    const auto status = static_cast<int>(event_message(tid));
    return WIFSIGNALED(status);
}

bool is_fault_trap(pid_t tid) {
    siginfo_t info{};
    return ptrace(PTRACE_GETSIGINFO, tid, nullptr, &info) == 0 && is_of_counter(info);
}

bool awaits_fault_trap(pid_t tid) {
    const auto signals = waiting_signals(tid, 0);
    return std::any_of(signals.begin(), signals.end(), is_of_counter);
}

bool has_interrupted_call(pid_t tid) {
#if defined(__x86_64__)
    user_regs_struct registers{};
    return registers_of_interrupted(tid, registers);
#else
    (void)tid;
    return false;
#endif
}

void restart_interrupted_call(pid_t tid, CallMadeAgain& last, Nanos now) {
#if defined(__x86_64__)
    user_regs_struct registers{};
    if (!registers_of_interrupted(tid, registers) || has_signals(tid)) {
        return;
    }
    if (registers.orig_rax == SYS_epoll_wait || registers.orig_rax == SYS_epoll_pwait) {
        shorten_timeout(registers, last, now);
    }
    registers.rax = registers.orig_rax;
    registers.rip -= kSyscallSize;
    ptrace(PTRACE_SETREGS, tid, nullptr, &registers);
#else
    (void)tid;
    (void)last;
    (void)now;
#endif
}

}  // namespace memcgfs::meter
