// SPDX-License-Identifier: MIT
//
// Tests of processes run in processes of their own, so that a test may kill them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner::test {

/// Runs `body` in a child, which ends with the status that `body` returns.
pid_t fork_body(const std::function<int()>& body);
/// 128 + signal for a killed one.
int wait_status(pid_t pid);

struct Pipe {
    Pipe();
    UniqueFd read_end;
    UniqueFd write_end;
};

/// Waits for as many bytes. False at the end of file or after 20 s.
bool read_exactly(int fd, std::string& out, std::size_t size);
/// Waits until nobody holds the other end any more. False after 20 s.
bool reaches_end(int fd);

/// True if this process may make a mount namespace of its own and mount FUSE.
bool host_can_run();

/// Makes the calling process (a child of a test) an ordinary user that may use FUSE. Nothing
/// happens to one that is an ordinary user already.
bool become_ordinary_user();

/// False under ThreadSanitizer: its own thread keeps a process from a new user namespace.
#ifdef __SANITIZE_THREAD__
inline constexpr bool kCanBecomeOrdinaryUser = false;
#else
inline constexpr bool kCanBecomeOrdinaryUser = true;
#endif

}  // namespace memcgfs::runner::test
