// SPDX-License-Identifier: MIT
//
// What the follower reads of processes in /proc. Of one that has gone: nothing.
//
// Threads: any; no locks.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace memcgfs::meter {

std::vector<pid_t> threads_of(pid_t pid);

/// Its name (comm).
std::string comm_of(pid_t pid);

/// In a group stop that nobody traces.
bool is_stopped(pid_t pid);

}  // namespace memcgfs::meter
