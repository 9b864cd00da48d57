// SPDX-License-Identifier: MIT
//
// System calls that ask something of the whole machine: swap devices, writing everything back, the
// kernel log, how much memory there is.
//
// Some take long. Whoever answers them is given a Reply and may call it later; the supervisor's
// thread goes on meanwhile.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::supervisor {

/// Answers a call that waits: its result, or why it fails. Once, from any thread; after the caller
/// has been killed it does nothing. It keeps the caller waiting until it is called, or the filter's
/// processes have gone.
using Reply = std::function<void(Result<std::int64_t>)>;

/// swapon(2) or swapoff(2) of a path that could be read.
struct SwapRequest {
    pid_t caller = 0;       ///< thread, in the supervisor's pid namespace
    std::string path;       ///< from the caller's root, links not followed
    runner::UniqueFd file;  ///< what the host has there, O_PATH
    Errno missing{};        ///< why it has nothing there
    int flags = 0;          ///< swapon(2)'s
};

/// What syslog(2) hands out.
struct LogText {
    std::string text;         ///< for the caller's buffer
    std::int64_t result = 0;  ///< unless that cannot be written
};

/// The machine in a struct sysinfo; in bytes.
struct MachineMemory {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
    std::uint64_t shared = 0;
    std::uint64_t buffers = 0;
    std::uint64_t swap = 0;
    std::uint64_t swap_free = 0;
};

/// Called by the supervisor's thread alone, without locks. Never waits.
class MachineCalls {
public:
    virtual ~MachineCalls() = default;

    /// The caller has CAP_SYS_ADMIN and its like in the world.
    virtual bool may_administer(pid_t caller) = 0;
    virtual void swapon(const SwapRequest& request, const Reply& reply) = 0;
    virtual void swapoff(const SwapRequest& request, const Reply& reply) = 0;
    /// All that is dirty gets to the disk; `done` is called once, from any thread.
    virtual void sync(std::function<void()> done) = 0;
    /// What syslog(2) of this type says to a caller that may ask, for a buffer of `size` bytes.
    /// Nothing: there is nothing to be read yet.
    virtual std::optional<Result<LogText>> syslog(int type, std::size_t size) = 0;
    struct LogReader {
        std::function<bool()> waits;  ///< false: nobody wants it any more, and nothing is read
        std::function<void(const LogText&)> done;
    };
    /// SYSLOG_ACTION_READ once there is something: the reader gets it, from any thread, also when
    /// this object has gone; or never.
    virtual void read_log(std::size_t size, LogReader reader) = 0;
    virtual MachineMemory memory() = 0;
    /// uname(2)'s release, if it is to be told; else empty.
    virtual std::string release() = 0;
};

}  // namespace memcgfs::supervisor
