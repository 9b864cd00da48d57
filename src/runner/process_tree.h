// SPDX-License-Identifier: MIT
//
// Which processes there are, by descent or by what they have mounted; from /proc.
//
// No locks; any thread. Answers are as of a moment: the processes may have ended since.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace memcgfs::runner {

/// One line of /proc/PID/stat, as far as it is used here.
struct ProcessStat {
    pid_t pid = 0;
    pid_t parent = 0;
    char state = '?';
};

/// False if `text` is no stat line. A command name may contain anything, ") R 1" included.
bool parse_process_stat(std::string_view text, ProcessStat& out);

/// What a file holds; "" where reading fails half-way, as of a process that has just ended (ESRCH).
std::string contents_of(const std::string& path);

/// All processes below `ancestor`, zombies too, without `except` and what is below it.
std::vector<ProcessStat> descendants(pid_t ancestor, pid_t except);

/// Processes that `is_member` (if any) says are, and those of other mount namespaces than the
/// caller's whose mount table has a FUSE file system with this device number.
std::vector<pid_t> processes_of_world(dev_t device, const std::function<bool(pid_t)>& is_member);

}  // namespace memcgfs::runner
