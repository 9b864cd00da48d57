// SPDX-License-Identifier: MIT
//
// What the follower reads of processes in /proc. Of one that has gone: nothing.
//
// Threads: any; no locks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/base/units.h"

namespace memcgfs::meter {

std::vector<pid_t> threads_of(pid_t pid);

/// Whose thread it is; 0: it has gone.
pid_t process_of(pid_t tid);

/// Who has made it, or has got it since its maker has ended; 0: it has gone.
pid_t parent_of(pid_t pid);

/// The thread that traces it; 0: nobody.
pid_t tracer_of(pid_t tid);

/// How much of what is resident is shared memory.
Pages resident_shmem(pid_t pid);

/// How much of its memory is locked, of files as well and whether it is resident or not.
Pages locked_memory(pid_t pid);

/// Its name (comm).
std::string comm_of(pid_t pid);

/// A zombie, or gone: as a process whose other threads go on may have its first one.
bool has_ended(pid_t pid, pid_t tid);

/// The signal does nothing to the thread's process.
bool is_ignored(pid_t tid, int signal);
/// It runs under more filters of system calls than this process's commands do by themselves.
bool has_own_filter(pid_t pid);

struct Program {
    std::uint64_t process_start = 0;  ///< in clock ticks since the host's boot
    /// Where its stack begins, which differs by chance with each execve(2) and stays over fork(2).
    /// 0 of a process that we may not look into.
    std::uint64_t stack_start = 0;
};
/// What a process runs; nothing of one that has ended, zombies too.
std::optional<Program> program_of(pid_t pid);

/// Its children and those of its threads; none on kernels without CONFIG_PROC_CHILDREN.
std::vector<pid_t> children_of(pid_t pid);

/// The kernel may write to its memory when none of its threads is in a call (io_uring(7),
/// io_setup(2)).
bool has_async_io(pid_t pid);

/// In a group stop that nobody traces.
bool is_stopped(pid_t pid);

/// In the foreground of a terminal, and made by somebody who is not: a shell, which takes it for
/// ^Z when it stops.
bool is_foreground_job(pid_t pid);

}  // namespace memcgfs::meter
