// SPDX-License-Identifier: MIT
//
// The few facts that are read from /proc (proc(5)): what costs little first.
//
// Threads: all methods may be called by any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::world {

/// From /proc/PID/stat.
struct ProcStat {
    std::string comm;
    std::uint32_t owner_uid = 0;   ///< of the file: the effective uid, 0 if not dumpable
    std::uint64_t start_time = 0;  ///< in clock ticks since boot; with the pid names a process
    std::uint32_t threads = 1;
    bool kernel_thread = false;
    bool zombie = false;  ///< all its threads have exited
    bool stopped = false;
    bool first_thread_ended = false;
    std::int32_t parent = 0;
};

/// From /proc/TID/status.
struct ProcStatus {
    std::int32_t process = 0;  ///< thread group id
    std::uint32_t uid = 0;
    std::uint32_t saved_uid = 0;
    /// The thread's ids in its pid namespaces, the daemon's first, the innermost last.
    std::vector<std::int32_t> namespace_pids;
};

class ProcReader {
public:
    /// ENOENT and so on if there is no /proc here.
    static Result<std::unique_ptr<ProcReader>> create();
    ~ProcReader();
    ProcReader(const ProcReader&) = delete;
    ProcReader& operator=(const ProcReader&) = delete;

    /// Ids of all processes, zombies included.
    std::vector<std::int32_t> processes() const;
    /// Ids of a process's threads, in the order of their making; its first one also when that has
    /// ended. None if there is no such process.
    std::vector<std::int32_t> threads(std::int32_t pid) const;
    /// ESRCH if there is none; so do the others.
    Result<ProcStat> stat(std::int32_t pid) const;
    Result<ProcStatus> status(std::int32_t tid) const;
    Result<std::int32_t> oom_score_adj(std::int32_t pid) const;
    /// The soft RLIMIT_LOCKS as /proc/PID/limits shows it: readable for everyone, where
    /// prlimit(2) asks for equal uids or CAP_SYS_RESOURCE.
    Result<std::uint64_t> locks_limit(std::int32_t pid) const;

    /// Descriptor of a process's pid namespace, `levels` above its own. EACCES, ESRCH.
    Result<int> open_pid_namespace(std::int32_t tid, std::size_t levels) const;

private:
    std::vector<std::int32_t> numbers_in(const char* path) const;
    explicit ProcReader(int directory) : directory_(directory) {}
    Result<std::string_view> read(std::int32_t tid, const char* file, char* buffer,
                                  std::size_t size) const;

    int directory_;
};

/// The contents of a stat file; exposed for tests (a comm may hold any byte).
Result<ProcStat> parse_stat(std::string_view text);
ProcStatus parse_status(std::string_view text);

}  // namespace memcgfs::world
