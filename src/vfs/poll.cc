// SPDX-License-Identifier: MIT
#include <poll.h>

#include <algorithm>

#include "vfs/state.h"

namespace memcgfs::vfs {

namespace {

constexpr short kAlways = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
constexpr short kChanged = POLLPRI | POLLERR;

}  // namespace

short Tree::poll(OpenFile& open_file, std::function<void()> changed) {
    OpenFile::State& file = *open_file.state_;
    if (!file.info) {
        return POLLIN | POLLRDNORM;
    }
    MutexLock lock(state_->mutex);
    if (changed) {
        // Swapped, so that the old one is destroyed by the caller and not under the lock.
        file.changed.swap(changed);
    }
    if (file.change_unseen || state_->is_dead(file.node)) {
        return kAlways | kChanged;
    }
    return kAlways;
}

void Tree::notify(DirKey dir, FileIndex file) {
    std::vector<std::function<void()>> callbacks;
    {
        MutexLock lock(state_->mutex);
        const auto [begin, end] = state_->watched.equal_range({dir, file});
        for (auto watch = begin; watch != end; ++watch) {
            watch->second->change_unseen = true;
            if (watch->second->changed) {
                callbacks.push_back(std::exchange(watch->second->changed, nullptr));
            }
        }
    }
    for (const auto& callback : callbacks) {
        callback();
    }
}

}  // namespace memcgfs::vfs
