// SPDX-License-Identifier: MIT
//
// What system call a thread is in that waits for an answer: requests of FUSE do not tell.
//
// /proc/PID/syscall tells, but only a process that may trace that one (proc(5)). Nothing here
// waits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace memcgfs::fuse {

/// The offset that the thread's read(2), readv(2), pread(2) or preadv(2) began at. None if the
/// thread does something else, or if /proc does not tell.
std::optional<std::uint64_t> reader_position(pid_t thread);

/// How many bytes the thread's write(2) or pwrite(2) is to write. None otherwise.
std::optional<std::uint64_t> bytes_to_write(pid_t thread);

/// Whether the thread's call goes by a path that the kernel walks once more, and with a look at
/// each name, if it meets ESTALE: what uses retry_estale() (6.1), or opens. False if /proc does not
/// tell.
bool walks_again(pid_t thread);

/// Whether the thread is in access(2) or one of its like that ask for the real user. False if /proc
/// does not tell.
bool asks_for_real_user(pid_t thread);

}  // namespace memcgfs::fuse
