// SPDX-License-Identifier: MIT
#include "cli/announcer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace memcgfs::cli {

Announcer::Announcer(spdlog::logger& logger) : logger_(logger), thread_([this] { work(); }) {}

Announcer::~Announcer() { stop(); }

void Announcer::start(OpenRoot open_root) {
    const MutexLock lock(mutex_);
    open_root_ = std::move(open_root);
}

void Announcer::stop() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Announcer::announce(std::string path) {
    const MutexLock lock(mutex_);
    if (open_root_ && waiting_.size() < kMostWaiting && known_.insert(path).second) {
        waiting_.push_back(std::move(path));
        changed_.notify_one();
    }
}

void Announcer::work() {
    mutex_.lock();
    for (;;) {
        while (waiting_.empty() && !stopping_) {
            changed_.wait(mutex_);
        }
        if (stopping_) {
            break;
        }
        const std::string path = std::move(waiting_.front());
        waiting_.pop_front();
        known_.erase(path);
        const OpenRoot open_root = open_root_;
        mutex_.unlock();
        tell(open_root, path);
        mutex_.lock();
    }
    mutex_.unlock();
}

void Announcer::tell(const OpenRoot& open_root, const std::string& path) {
    const runner::UniqueFd root = open_root();
    struct statfs status{};
    if (!root.valid() || ::fstatfs(root.get(), &status) != 0 ||
        status.f_type != FUSE_SUPER_MAGIC) {
        return;  // unmounted: what is there now is not ours
    }
    if (::truncate(fmt::format("/proc/self/fd/{}/{}", root.get(), path).c_str(), 0) == 0) {
        return;
    }
    // An ordinary user's mount: DEVIATION(inotify-needs-privilege).
    if ((errno == EACCES || errno == EPERM) && !std::exchange(refused_, true)) {
        logger_.info("inotify is not told of changes: {} may not be touched ({})", path,
                     std::strerror(errno));
    }
}

}  // namespace memcgfs::cli
