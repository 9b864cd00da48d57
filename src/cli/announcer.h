// SPDX-License-Identifier: MIT
//
// Tells inotify that files have changed although nobody has written to them (kernfs_notify, 6.1).
//
// No notification of FUSE reaches inotify, but what is done through the mount does: a truncation,
// which changes nothing in this tree, is one IN_MODIFY and opens nothing. It is done for every
// change that is announced, for nobody can tell whether anyone watches.
//
// Threads: announce() by any; the truncations by a thread of its own, for the thread that serves
// the mount must answer them.
#pragma once

#include <spdlog/logger.h>

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <unordered_set>

#include "memcgfs/base/mutex.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::cli {

class Announcer {
public:
    /// Opens the tree's root with O_PATH, anew each time: a descriptor that is kept would keep the
    /// mount busy. An empty one: the tree cannot be reached any more.
    using OpenRoot = std::function<runner::UniqueFd()>;

    explicit Announcer(spdlog::logger& logger);
    /// stop().
    ~Announcer();
    Announcer(const Announcer&) = delete;
    Announcer& operator=(const Announcer&) = delete;

    /// Ready: the tree is mounted. Until then nobody can watch, and nothing is told.
    void start(OpenRoot open_root);
    /// No truncation is under way any more. The mount must have ended, or still be served.
    void stop();

    /// `path` (from the root on) has changed. A change that is waiting to be told already is told
    /// once, as inotify itself does.
    void announce(std::string path);

private:
    void work();
    void tell(const OpenRoot& open_root, const std::string& path);

    /// Later changes are lost to watchers, not to readers; inotify's own queue is no longer.
    static constexpr std::size_t kMostWaiting = 16384;

    spdlog::logger& logger_;
    Mutex mutex_{LockRank::kLeaf};
    CondVar changed_;
    OpenRoot open_root_ MEMCGFS_GUARDED_BY(mutex_);
    std::deque<std::string> waiting_ MEMCGFS_GUARDED_BY(mutex_);
    std::unordered_set<std::string> known_ MEMCGFS_GUARDED_BY(mutex_);  ///< the same, to search
    bool stopping_ MEMCGFS_GUARDED_BY(mutex_) = false;
    bool refused_ = false;  ///< said so already; the thread's own
    std::thread thread_;
};

}  // namespace memcgfs::cli
