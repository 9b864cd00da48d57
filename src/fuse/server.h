// SPDX-License-Identifier: MIT
//
// The loop of a thread that serves a libfuse session.
#pragma once

#include <fuse_lowlevel.h>
#include <pthread.h>

#include <atomic>
#include <functional>
#include <string>

#include "fuse/request_reader.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/result.h"

namespace memcgfs::fuse {

class Server {
public:
    /// Looks at each request before libfuse does, and may change it.
    using Look = std::function<void(const fuse_buf&)>;

    explicit Server(Look look = {}) : look_(std::move(look)) {}
    ~Server() = default;
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Serves until the file system is unmounted or stop() is called. Once only.
    Result<void, std::string> run(fuse_session* session);
    /// Makes run() return, or not begin, and waits for that. From any other thread that holds no
    /// lock.
    void stop();

private:
    Result<void, std::string> serve_one(fuse_session* session);

    const Look look_;
    RequestReader requests_;
    std::atomic<bool> stopping_ = false;
    Mutex mutex_{LockRank::kLeaf};
    CondVar changed_;
    bool serving_ MEMCGFS_GUARDED_BY(mutex_) = false;
    pthread_t thread_ MEMCGFS_GUARDED_BY(mutex_){};
};

}  // namespace memcgfs::fuse
