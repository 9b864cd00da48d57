// SPDX-License-Identifier: MIT
#include "files/tracked_inodes.h"

#include <utility>

namespace memcgfs::files {

TrackedInodes::TrackedInodes(UniqueFd root) {
    struct stat status{};
    fstatat(root.get(), "", &status, AT_EMPTY_PATH);
    device_ = status.st_dev;
    enter(std::move(root), status)->held = 1;
}

TrackedInodes::Inode TrackedInodes::find(InodeId id) const {
    const auto found = by_id_.find(static_cast<std::uint64_t>(id));
    return found == by_id_.end() ? nullptr : found->second;
}

TrackedInodes::Inode TrackedInodes::find(RealNumber number) const {
    const auto found = by_number_.find(number);
    return found == by_number_.end() ? nullptr : found->second;
}

TrackedInodes::Inode TrackedInodes::find(ino_t inode) const {
    return find(RealNumber{device_, inode});
}

TrackedInodes::Inode TrackedInodes::enter(UniqueFd file, const struct stat& status) {
    const RealNumber number{status.st_dev, status.st_ino};
    if (Inode there = find(number); there != nullptr) {
        return there;
    }
    const InodeId id{next_++};
    auto inode = std::make_shared<TrackedInode>(id, number, std::move(file));
    by_id_.emplace(static_cast<std::uint64_t>(id), inode);
    by_number_.emplace(number, inode);
    return inode;
}

TrackedInodes::Inode TrackedInodes::forget_one(std::size_t most) {
    while (idle_.size() > most) {
        const Inode inode = idle_.front().lock();
        idle_.pop_front();
        if (inode != nullptr && !inode->ended && inode->held == 0 && inode->opens == 0) {
            return inode;
        }
    }
    return nullptr;
}

void TrackedInodes::erase(TrackedInode& inode) {
    inode.ended = true;
    by_number_.erase(inode.number);
    by_id_.erase(static_cast<std::uint64_t>(inode.id));  // it may end here
}

}  // namespace memcgfs::files
