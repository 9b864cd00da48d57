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
    if (file.info->records) {
        return poll_records(open_file, std::move(changed));
    }
    MutexLock lock(state_->mutex);
    if (changed) {
        // Swapped, so that the old one is destroyed by the caller and not under the lock.
        file.changed.swap(changed);
    }
    const bool dead = state_->is_dead(file.node);
    if (file.info->notify == Notify::kTriggered && !dead) {
        if (!file.armed) {
            return kAlways | kChanged;
        }
        return std::exchange(file.fired, false) ? kAlways | POLLPRI : kAlways;
    }
    return file.change_unseen || dead ? kAlways | kChanged : kAlways;
}

void Tree::wake(OpenId id, bool fired) {
    std::function<void()> callback;
    {
        MutexLock lock(state_->mutex);
        const auto found = state_->triggered.find(id);
        if (found == state_->triggered.end()) {
            return;
        }
        OpenFile::State& file = *found->second;
        file.fired = file.fired || fired;
        callback = std::exchange(file.changed, nullptr);
    }
    if (callback) {
        callback();
    }
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

std::optional<std::string> Tree::watchable_path(DirKey dir, FileIndex file) {
    MutexLock lock(state_->mutex);
    const auto found = state_->by_key.find(dir);
    if (found == state_->by_key.end()) {
        return std::nullopt;
    }
    Directory& directory = *found->second;
    state_->refresh_files(directory);
    if (!directory.listing->position_of(file)) {
        return std::nullopt;
    }
    const NodeRef node = state_->live_file(directory, file);
    const auto& watchable = node.batch->watchable;
    if (std::find(watchable.begin(), watchable.end(), file) == watchable.end()) {
        return std::nullopt;
    }
    std::string path{node.info().name};
    for (const Directory* level = &directory; level->parent != nullptr; level = level->parent) {
        path.insert(0, level->name + "/");
    }
    return path;
}

}  // namespace memcgfs::vfs
