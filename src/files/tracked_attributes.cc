// SPDX-License-Identifier: MIT
//
// Attributes and extended attributes of the files of a tracked directory.
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "files/tracked_inodes.h"
#include "memcgfs/files/tracked_directory.h"

namespace memcgfs::files {

namespace {

constexpr uid_t kSameOwner = static_cast<uid_t>(-1);
constexpr timespec kSameTime{0, UTIME_OMIT};

Failed<Errno> failed() { return Err(static_cast<Errno>(errno)); }

Result<void> result_of(int status) { return status == 0 ? Result<void>{} : failed(); }

/// What a call with a buffer of any size gives; it may have grown since its size was asked for.
template <class Call>
Result<std::string> whole(Call call) {
    for (;;) {
        const ssize_t size = call(nullptr, 0);
        if (size < 0) {
            return failed();
        }
        std::string text(static_cast<std::size_t>(size), '\0');
        const ssize_t got = size == 0 ? 0 : call(text.data(), text.size());
        if (got >= 0) {
            text.resize(static_cast<std::size_t>(got));
            return text;
        }
        if (errno != ERANGE) {
            return failed();
        }
    }
}

}  // namespace

Result<struct stat> TrackedDirectory::getattr(InodeId id) {
    const Inode inode = MEMCGFS_TRY(find(id));
    struct stat status{};
    if (fstatat(inode->file.get(), "", &status, AT_EMPTY_PATH) != 0) {
        return failed();
    }
    return as_shown(status);
}

Result<struct stat> TrackedDirectory::setattr(InodeId id, const AttributeChange& change,
                                              std::optional<Handle> handle) {
    const Inode inode = MEMCGFS_TRY(find(id));
    if (change.uid || change.gid) {
        MEMCGFS_TRY(result_of(fchownat(inode->file.get(), "", change.uid.value_or(kSameOwner),
                                       change.gid.value_or(kSameOwner), AT_EMPTY_PATH)));
    }
    if (change.mode) {  // behind it, as a new owner takes bits away
        MEMCGFS_TRY(result_of(chmod(inode->path().c_str(), *change.mode & 07777U)));
    }
    if (change.size) {
        const auto size = static_cast<off_t>(*change.size);
        Result<void> cut;
        {
            const MutexLock lock(inode->size);
            cut = result_of(handle ? ftruncate(static_cast<int>(*handle), size)
                                   : truncate(inode->path().c_str(), size));
        }
        MEMCGFS_TRY(std::move(cut));
        trim(*inode);
    }
    if (change.accessed || change.modified) {
        const std::array times = {change.accessed.value_or(kSameTime),
                                  change.modified.value_or(kSameTime)};
        MEMCGFS_TRY(result_of(utimensat(inode->file.get(), "", times.data(), AT_EMPTY_PATH)));
    }
    return getattr(id);
}

Result<struct statvfs> TrackedDirectory::statfs(InodeId id) {
    const Inode inode = MEMCGFS_TRY(find(id));
    struct statvfs status{};
    MEMCGFS_TRY(result_of(fstatvfs(inode->file.get(), &status)));
    return status;
}

Result<void> TrackedDirectory::setxattr(InodeId id, const std::string& name, std::string_view value,
                                        int flags) {
    const Inode inode = MEMCGFS_TRY(find(id));
    return result_of(
        ::setxattr(inode->path().c_str(), name.c_str(), value.data(), value.size(), flags));
}

Result<std::string> TrackedDirectory::getxattr(InodeId id, const std::string& name) {
    const Inode inode = MEMCGFS_TRY(find(id));
    return whole([path = inode->path(), &name](char* buffer, std::size_t size) {
        return ::getxattr(path.c_str(), name.c_str(), buffer, size);
    });
}

Result<std::string> TrackedDirectory::listxattr(InodeId id) {
    const Inode inode = MEMCGFS_TRY(find(id));
    return whole([path = inode->path()](char* buffer, std::size_t size) {
        return ::listxattr(path.c_str(), buffer, size);
    });
}

Result<void> TrackedDirectory::removexattr(InodeId id, const std::string& name) {
    const Inode inode = MEMCGFS_TRY(find(id));
    return result_of(::removexattr(inode->path().c_str(), name.c_str()));
}

}  // namespace memcgfs::files
