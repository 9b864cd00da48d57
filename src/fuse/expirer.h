// SPDX-License-Identifier: MIT
//
// Takes names out of the kernel's cache, and answers that must come after that.
//
// To forget a name the kernel takes the lock of its directory, which a pending mkdir or rmdir
// there holds until it has been answered, and so does a pending chmod of the directory: hence a
// thread of its own, for which no answer of such a request ever waits.
//
// Lock: LockRank::kLeaf; neither a notification nor an answer under it.
#pragma once

#include <fuse_lowlevel.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "memcgfs/base/mutex.h"

namespace memcgfs::fuse {

class Expirer {
public:
    Expirer() = default;
    ~Expirer();
    Expirer(const Expirer&) = delete;
    Expirer& operator=(const Expirer&) = delete;

    /// The session outlives stop().
    void bind(fuse_session* session);
    /// Begins to work, in a thread with the caller's signal mask. Once; nothing after stop().
    void start();
    /// Forget a name, soon. Any thread.
    void expire(fuse_ino_t parent, std::string name);
    /// Answers once all names so far have been forgotten: at once if there are none. Any thread
    /// without locks.
    void answer(std::function<void()> reply);
    /// How a name is to be forgotten.
    enum class Way : std::uint8_t {
        kDrop,  ///< it is not there any more
        /// It is, and is to be asked for at the next use. Linux before 6.2 can only drop it: who
        /// stands there is then told by getcwd(2) that the directory has gone, until somebody
        /// looks it up.
        kAsk,
    };
    struct Names {
        fuse_ino_t directory = 0;
        std::vector<std::string> names;
        Way way = Way::kDrop;
    };
    /// Answers, and has names forgotten right after that: for requests that hold the lock of the
    /// names' own directory. The caller may be about to go on when it happens, but not far. If this
    /// thread is free it answers itself, so that nothing comes between; if it is not, it may be
    /// waiting for that very lock, and the answer is given at once.
    void answer_and_forget(std::function<void()> reply, Names names);
    /// What is under way ends, and the rest is dropped, but for the answers, which are given. The
    /// session must be served, or have ended. Idempotent.
    void stop();

private:
    struct Job {
        std::function<void()> reply;  ///< an answer to give first; may be empty
        Names names;                  ///< to forget
    };
    void add(Job job);
    void work();

    Mutex mutex_{LockRank::kLeaf};
    CondVar changed_;
    fuse_session* session_ MEMCGFS_GUARDED_BY(mutex_) = nullptr;
    std::deque<Job> jobs_ MEMCGFS_GUARDED_BY(mutex_);
    bool busy_ MEMCGFS_GUARDED_BY(mutex_) = false;
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    std::thread thread_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::fuse
