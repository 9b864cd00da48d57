// SPDX-License-Identifier: MIT
//
// A mounted file system with files: libfuse's low-level interface on one side, files::FileSystem on
// the other.
//
// All reads and writes come here (direct I/O), each with the thread that asks: a reply that is held
// back is that thread's direct reclaim, its throttling or the end of the OOM killer's work, and is
// ended by what kills the thread. Pages of the kernel are used by mappings alone; their write-back
// comes from nobody.
//
// One thread serves requests (run()); what waits is answered from the runner's threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "memcgfs/base/operation.h"
#include "memcgfs/base/result.h"
#include "memcgfs/files/file_system.h"

namespace memcgfs::fuse {

class FilesSession {
public:
    /// Serves a /dev/fuse descriptor that somebody has mounted with default_permissions and
    /// rootmode=40000, and takes it over, also on failure. The rest outlives the session.
    /// `has_fatal_signal` is asked of a thread whose wait was interrupted.
    static Result<std::unique_ptr<FilesSession>, std::string> attach(
        int fuse_fd, files::FileSystem& fs, OperationRunner& runner,
        std::function<bool(std::int32_t thread)> has_fatal_signal);

    /// Pending operations are interrupted and waited for: the runner must be running.
    ~FilesSession();
    FilesSession(const FilesSession&) = delete;
    FilesSession& operator=(const FilesSession&) = delete;

    /// Serves until the last mount has gone or stop() is called. Once only.
    Result<void, std::string> run();
    /// As Session::stop().
    void stop();

private:
    struct State;
    explicit FilesSession(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace memcgfs::fuse
