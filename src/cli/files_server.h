// SPDX-License-Identifier: MIT
//
// A thread that serves a mounted file system with files, until its last mount has gone.
//
// Threads: one at a time; the served file system's methods are called by a thread of its own and by
// the runner's.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/base/result.h"
#include "memcgfs/files/file_system.h"
#include "memcgfs/fuse/files_session.h"

namespace memcgfs::cli {

class FilesServer {
public:
    FilesServer() = default;
    /// Ends the session: nobody may wait for it any more. The runner must be running.
    ~FilesServer();
    FilesServer(const FilesServer&) = delete;
    FilesServer& operator=(const FilesServer&) = delete;

    /// Serves the descriptor of /dev/fuse, which it takes over. Once only. All outlive it.
    Result<void, std::string> start(int fuse_fd, files::FileSystem& fs, OperationRunner& runner);
    bool ended();
    /// Not longer than `most`.
    void wait_for_end(Nanos most);

private:
    std::unique_ptr<fuse::FilesSession> session_;
    std::thread thread_;
    Mutex mutex_{LockRank::kLeaf};
    CondVar changed_;
    bool ended_ MEMCGFS_GUARDED_BY(mutex_) = false;
};

}  // namespace memcgfs::cli
