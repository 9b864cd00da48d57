// SPDX-License-Identifier: MIT
//
// A tiny process that puts things right when this one dies without doing so (SIGKILL, a crash).
//
// It is forked early, holds one end of a socket whose other end only this process has, and
// sleeps until that is closed or the thread that forked it is dead. Both, for a process that is
// killed does not end, nor closes anything, while one of its threads waits for an answer that the
// process itself was to give (a request to a FUSE mount that it serves): it takes an abort of the
// connection (fuse.rst in the kernel's documentation, "Interrupting filesystem operations"). Its
// own session and ignored INT, QUIT, TERM and HUP keep a Ctrl-C or the end of the terminal away
// from it; it holds none of this process's descriptors but those named, so it keeps no pipe,
// terminal or mount busy. It is a child of this process.
//
// Threads: start() before any thread is started, by one that lives as long as the process; the rest
// by one thread at a time.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/mount_table.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner {

class Janitor {
public:
    /// Runs in the janitor, after this process's death, with what note() said last.
    using Cleanup = std::function<void(std::string_view note)>;

    /// `keep_fds` stay open in the janitor, for `cleanup` to use.
    static Result<Janitor, std::string> start(Cleanup cleanup, std::vector<int> keep_fds = {});

    Janitor(Janitor&&) noexcept;
    Janitor& operator=(Janitor&&) = delete;
    /// Dismisses it.
    ~Janitor();

    /// Replaces what the clean-up is told (at most 8 KiB).
    void note(std::string_view text);
    /// Ends the janitor without a clean-up and waits for that. Idempotent.
    void dismiss();
    pid_t pid() const { return pid_; }

private:
    Janitor(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}

    pid_t pid_ = -1;
    UniqueFd socket_;
};

/// A janitor that unmounts what guard() names, and nothing else. Requests that wait for an answer
/// fail (ECONNABORTED).
class MountJanitor {
public:
    static Result<MountJanitor, std::string> start();

    /// From now on a sudden death of this process unmounts this mount.
    void guard(const MountIdentity& identity);
    /// After an orderly unmount.
    void dismiss() { janitor_.dismiss(); }
    pid_t pid() const { return janitor_.pid(); }

private:
    explicit MountJanitor(Janitor janitor) : janitor_(std::move(janitor)) {}
    Janitor janitor_;
};

}  // namespace memcgfs::runner
