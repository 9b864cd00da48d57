// SPDX-License-Identifier: MIT
//
// How inodes begin and end, and which pages the engine has of them.
#include "memcgfs/files/tracked_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "files/tracked_inodes.h"

namespace memcgfs::files {

namespace {

/// Beyond all pages of all files.
constexpr std::uint64_t kNoEnd = std::uint64_t{1} << 52U;

}  // namespace

TrackedDirectory::TrackedDirectory(ChargeParts parts, UniqueFd root, Options options)
    : parts_(std::move(parts)),
      options_(options),
      inodes_(std::make_unique<TrackedInodes>(std::move(root))) {}

TrackedDirectory::~TrackedDirectory() {
    {
        const MutexLock lock(mutex_);
        inodes_->for_each([this](TrackedInode& inode) {
            if (inode.mapping) {
                const MutexLock engine_lock(parts_.engine_mutex);
                parts_.engine.destroy_mapping(inode.mapping);
            }
        });
    }
    parts_.flush();
}

Result<TrackedDirectory::Inode> TrackedDirectory::find(InodeId id) {
    const MutexLock lock(mutex_);
    Inode inode = inodes_->find(id);
    return inode != nullptr ? Result<Inode>(std::move(inode)) : Err(Errno::kENOENT);
}

Result<FileSystem::Entry> TrackedDirectory::enter(UniqueFd file) {
    struct stat status{};
    if (fstatat(file.get(), "", &status, AT_EMPTY_PATH) != 0) {
        return Err(static_cast<Errno>(errno));
    }
    const MutexLock lock(mutex_);
    const Inode inode = inodes_->enter(std::move(file), status);
    inode->held++;
    return Entry{inode->id, as_shown(status)};
}

struct stat TrackedDirectory::as_shown(struct stat status) const {
    if (options_.user && status.st_uid == options_.user->number) {
        status.st_uid = options_.user->shown_as;
    }
    if (options_.group && status.st_gid == options_.group->number) {
        status.st_gid = options_.group->shown_as;
    }
    return status;
}

TrackedDirectory::Inode TrackedDirectory::known(int directory, const std::string& name) {
    struct stat status{};
    if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return nullptr;
    }
    const MutexLock lock(mutex_);
    return inodes_->find(RealNumber{status.st_dev, status.st_ino});
}

void TrackedDirectory::forget(InodeId id, std::uint64_t count) {
    bool freed = false;
    {
        const MutexLock lock(mutex_);
        const Inode inode = inodes_->find(id);
        if (inode == nullptr || id == kRootInode) {
            return;
        }
        inode->held -= std::min(inode->held, count);
        if (inode->held > 0) {
            return;
        }
        if (inode->opens == 0 && (!inode->mapping || inode->status().st_nlink == 0)) {
            freed = end_mapping(*inode);
            inodes_->erase(*inode);
        } else {
            inodes_->remember(inode);
        }
        while (const Inode idle = inodes_->forget_one(options_.remembered)) {
            freed = end_mapping(*idle) || freed;
            inodes_->erase(*idle);
        }
    }
    if (freed) {
        parts_.flush();
    }
}

void TrackedDirectory::close(InodeId id, Handle handle) {
    ::close(static_cast<int>(handle));
    if (const auto inode = find(id); inode.ok()) {
        {
            const MutexLock lock(mutex_);
            (*inode)->opens--;
        }
        end_if_unused(**inode);
    }
}

std::optional<engine::MappingId> TrackedDirectory::cache_of(std::uint64_t number) {
    const MutexLock lock(mutex_);
    const Inode inode = inodes_->find(static_cast<ino_t>(number));
    if (inode == nullptr) {
        return std::nullopt;
    }
    inode->end = kNoEnd;  // nobody tells which pages are used
    return mapping_of(*inode);
}

engine::MappingId TrackedDirectory::mapping_of(TrackedInode& inode) {
    if (!inode.mapping) {
        const MutexLock engine_lock(parts_.engine_mutex);
        inode.mapping = parts_.engine.create_mapping({}, engine::PageKind::kFile);
    }
    return inode.mapping;
}

Work::Charge TrackedDirectory::begin(TrackedInode& inode, engine::TaskId task, PageRun range,
                                     bool writes) {
    Work::Charge charge{.task = task,
                        .access = writes ? engine::Access::kWrite : engine::Access::kRead};
    const MutexLock lock(mutex_);
    inode.writing += writes ? 1 : 0;
    if (range.count > 0) {
        charge.mapping = mapping_of(inode);
        charge.runs = {range};
        inode.end = std::max(inode.end, range.first + range.count);
    }
    return charge;
}

void TrackedDirectory::end(TrackedInode& inode, bool wrote) {
    bool freed = false;
    {
        const MutexLock lock(mutex_);
        inode.writing -= wrote ? 1 : 0;
        freed = trim_locked(inode);
    }
    if (freed) {
        parts_.flush();
    }
}

void TrackedDirectory::trim(TrackedInode& inode) { end(inode, false); }

bool TrackedDirectory::trim_locked(TrackedInode& inode) {
    if (!inode.mapping || inode.writing > 0) {
        return false;  // the last of the writers does it
    }
    const auto size = static_cast<std::uint64_t>(inode.status().st_size);
    const std::uint64_t pages = pages_of(0, size).count;
    if (inode.end <= pages) {
        return false;
    }
    const MutexLock engine_lock(parts_.engine_mutex);
    parts_.engine.free_pages(inode.mapping, {pages, inode.end - pages});
    inode.end = inode.end == kNoEnd ? kNoEnd : pages;
    return true;
}

void TrackedDirectory::free_pages(TrackedInode& inode, PageRun range) {
    {
        const MutexLock lock(mutex_);
        if (!inode.mapping || range.count == 0) {
            return;
        }
        const MutexLock engine_lock(parts_.engine_mutex);
        parts_.engine.free_pages(inode.mapping, {range.first, range.count});
    }
    parts_.flush();
}

bool TrackedDirectory::end_mapping(TrackedInode& inode) {
    if (!inode.mapping) {
        return false;
    }
    const MutexLock engine_lock(parts_.engine_mutex);
    parts_.engine.destroy_mapping(std::exchange(inode.mapping, {}));
    inode.end = 0;
    return true;
}

void TrackedDirectory::end_if_unused(TrackedInode& inode) {
    bool freed = false;
    {
        const MutexLock lock(mutex_);
        if (inode.opens > 0 || inode.status().st_nlink > 0) {
            return;
        }
        freed = end_mapping(inode);
    }
    if (freed) {
        parts_.flush();
    }
}

}  // namespace memcgfs::files
