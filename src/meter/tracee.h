// SPDX-License-Identifier: MIT
//
// ptrace(2) on one thread, in words of what is meant.
//
// Threads: all calls about a thread come from the one that has seized it. A thread that has gone
// makes a call do nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"

namespace memcgfs::meter {

/// What waitpid(2) says of a thread.
enum class StopKind : std::uint8_t {
    kGone,       ///< exited or killed, and reaped
    kFork,       ///< has made a process: child_made_by()
    kVfork,      ///< the same, with its memory shared
    kClone,      ///< has made a thread, or a process in its own way
    kExec,       ///< runs a new program: tid_before_exec()
    kExit,       ///< is about to end; its memory is still there
    kHalted,     ///< its first stop, or after interrupt()
    kGroupStop,  ///< SIGSTOP and its like
    kCall,       ///< a system call begins, or has ended (let_go_to_call())
    kSignal,     ///< a signal is about to be delivered
};

StopKind kind_of_stop(int wait_status);

/// What becomes of a process when the thread that follows it ends without letting it go.
enum class AtTracersEnd : bool { kFree, kKilled };
/// Follows the thread and what it forks, without stopping it. EPERM: somebody else does, or it may
/// not be looked at; ESRCH.
Result<void> seize(pid_t tid, AtTracersEnd end = AtTracersEnd::kFree);
/// Lets a stopped thread go on, with a signal if it is not 0.
void let_go(pid_t tid, int signal = 0);
/// The same up to the next system call's beginning or, from there, to its end.
void let_go_to_call(pid_t tid, int signal = 0);
/// Makes it stop soon; nobody but the tracer sees that.
void interrupt(pid_t tid);
/// No more following. The thread is in a stop; it goes on with the signal if that is not 0.
void release(pid_t tid, int signal = 0);
/// In the stop of a kFork, kVfork or kClone: whom it has made. Nobody if the maker has been killed
/// in its stop, for then it tells no more, or if the child has been reaped before its maker's stop
/// was seen.
std::optional<pid_t> child_made_by(pid_t tid);
/// In the stop of a kExec; 0 if it has been killed in it.
pid_t tid_before_exec(pid_t tid);
/// In its exit stop: a signal is what ends it.
bool dies_of_signal(pid_t tid);
/// The signal that is about to be delivered is a counter's (FaultTrap).
bool is_fault_trap(pid_t tid);
/// One waits to be delivered: to let the thread go now for good would be its death.
bool awaits_fault_trap(pid_t tid);
/// The thread is at the end of a system call that was interrupted, and that the kernel never
/// restarts by itself (epoll_wait(2) and its like).
bool has_interrupted_call(pid_t tid);
/// A call that a thread has been made to make again, to tell whether it still is in it.
struct CallMadeAgain {
    std::uint64_t place = 0;
    std::uint64_t millis = 0;  ///< its timeout; 0: none
    Nanos since{};
};
/// Such a call is made again, if no signal is about to be delivered. What has passed since the last
/// time is taken off the timeout of an epoll_wait(2), which would never come where a thread is
/// stopped again and again; other calls have their whole time. DEVIATION(interrupted-calls): x86-64
/// alone; elsewhere the program sees EINTR.
void restart_interrupted_call(pid_t tid, CallMadeAgain& last, Nanos now);

}  // namespace memcgfs::meter
