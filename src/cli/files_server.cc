// SPDX-License-Identifier: MIT
#include "cli/files_server.h"

#include <pthread.h>

#include <csignal>

#include "memcgfs/world/pending_signals.h"

namespace memcgfs::cli {

FilesServer::~FilesServer() {
    if (thread_.joinable()) {
        session_->stop();
        thread_.join();
    }
}

Result<void, std::string> FilesServer::start(int fuse_fd, files::FileSystem& fs,
                                             OperationRunner& runner) {
    session_ =
        MEMCGFS_TRY(fuse::FilesSession::attach(fuse_fd, fs, runner, world::has_fatal_signal));
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] {
        (void)session_->run();  // it ends by an error when the last mount has gone
        const MutexLock lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return {};
}

bool FilesServer::ended() {
    const MutexLock lock(mutex_);
    return ended_;
}

void FilesServer::wait_for_end(Nanos most) {
    const MutexLock lock(mutex_);
    if (!ended_) {
        changed_.wait_for(mutex_, most);
    }
}

}  // namespace memcgfs::cli
