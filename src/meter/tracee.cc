// SPDX-License-Identifier: MIT
#include "meter/tracee.h"

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <optional>

namespace memcgfs::meter {

namespace {

constexpr int kTrapPerf = 6;          // TRAP_PERF (asm-generic/siginfo.h, 5.13)
constexpr unsigned kSyscallSize = 2;  // of x86-64's instruction

/// A signal that waits for the thread alone, or for any of its process.
std::optional<siginfo_t> waiting_signal(pid_t tid, std::uint32_t queue) {
    __ptrace_peeksiginfo_args args{};
    args.flags = queue;
    args.nr = 1;
    siginfo_t info{};
    return ptrace(PTRACE_PEEKSIGINFO, tid, &args, &info) > 0 ? std::optional(info) : std::nullopt;
}

/// Then it is they that have interrupted its call.
bool has_signals(pid_t tid) {
    return waiting_signal(tid, 0) || waiting_signal(tid, PTRACE_PEEKSIGINFO_SHARED);
}

bool is_of_counter(const siginfo_t& info) {
    return info.si_signo == SIGTRAP && info.si_code == kTrapPerf;
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
            return StopKind::kSignal;
    }
}

Result<void> seize(pid_t tid) {
    constexpr long kOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                              PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
    if (ptrace(PTRACE_SEIZE, tid, nullptr, kOptions) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    return {};
}

void let_go(pid_t tid, int signal) { ptrace(PTRACE_CONT, tid, nullptr, static_cast<long>(signal)); }

void interrupt(pid_t tid) { ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr); }

void release(pid_t tid, int signal) {
    ptrace(PTRACE_DETACH, tid, nullptr, static_cast<long>(signal));
}

pid_t event_message(pid_t tid) {
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message);
    return static_cast<pid_t>(message);
}

bool is_fault_trap(pid_t tid) {
    siginfo_t info{};
    return ptrace(PTRACE_GETSIGINFO, tid, nullptr, &info) == 0 && is_of_counter(info);
}

bool awaits_fault_trap(pid_t tid) {
    const auto info = waiting_signal(tid, 0);
    return info && is_of_counter(*info);
}

void restart_interrupted_call(pid_t tid) {
#if defined(__x86_64__)
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, tid, nullptr, &registers) != 0 ||
        static_cast<long long>(registers.orig_rax) < 0 ||
        static_cast<long long>(registers.rax) != -EINTR || has_signals(tid)) {
        return;
    }
    registers.rax = registers.orig_rax;
    registers.rip -= kSyscallSize;
    ptrace(PTRACE_SETREGS, tid, nullptr, &registers);
#else
    (void)tid;
#endif
}

}  // namespace memcgfs::meter
