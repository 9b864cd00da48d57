// SPDX-License-Identifier: MIT
#include "memcgfs/supervisor/mount_contexts.h"

#include <sys/stat.h>

namespace memcgfs::supervisor {

void MountContexts::add(int file, std::unique_ptr<MountContext> context) {
    struct stat status{};
    if (fstat(file, &status) != 0) {
        return;
    }
    const Key key{status.st_dev, status.st_ino};
    if (const auto old = contexts_.find(key); old != contexts_.end()) {
        by_age_.erase(old->second.number);
    }
    contexts_[key] = {next_, std::move(context)};
    by_age_.emplace(next_++, key);
    if (by_age_.size() > kMost) {
        contexts_.erase(by_age_.begin()->second);
        by_age_.erase(by_age_.begin());
    }
}

MountContext* MountContexts::find(int file) {
    struct stat status{};
    if (contexts_.empty() || file < 0 || fstat(file, &status) != 0) {
        return nullptr;
    }
    const auto found = contexts_.find({status.st_dev, status.st_ino});
    return found == contexts_.end() ? nullptr : found->second.context.get();
}

}  // namespace memcgfs::supervisor
