// SPDX-License-Identifier: MIT
//
// Attributes, extended attributes and the limits of a tmpfs.
#include <sys/xattr.h>

#include <array>

#include "files/tmpfs_inode.h"

namespace memcgfs::files {

namespace {

constexpr std::size_t kXattrValueMost = 65536;
constexpr std::uint64_t kSector = 512;

Result<void> check_xattr_name(std::string_view name) {
    constexpr std::array<std::string_view, 3> kPrefixes = {"user.", "trusted.", "security."};
    for (const std::string_view prefix : kPrefixes) {
        if (name.starts_with(prefix)) {
            return name.size() > prefix.size() ? Result<void>{} : Err(Errno::kEINVAL);
        }
    }
    return Err(Errno::kEOPNOTSUPP);
}

}  // namespace

Result<struct stat> Tmpfs::getattr(InodeId id) const {
    const Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    struct stat status{};
    status.st_ino = static_cast<ino_t>(inode->id);
    status.st_mode = inode->mode;
    status.st_nlink = inode->links;
    status.st_uid = inode->uid;
    status.st_gid = inode->gid;
    status.st_rdev = inode->device;
    status.st_size = static_cast<off_t>(inode->size);
    status.st_blksize = kPageSize;
    status.st_blocks = static_cast<blkcnt_t>(to_bytes(inode->data.allocated()).count() / kSector);
    status.st_atim = inode->accessed;
    status.st_mtim = inode->modified;
    status.st_ctim = inode->changed;
    return status;
}

Result<void> Tmpfs::setattr(InodeId id, const Change& change) {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    if (change.size) {
        MEMCGFS_TRY(resize(*inode, *change.size));
    }
    if (change.mode) {
        inode->mode = (inode->mode & S_IFMT) | (*change.mode & 07777U);
    }
    inode->uid = change.uid.value_or(inode->uid);
    inode->gid = change.gid.value_or(inode->gid);
    inode->changed = options_.now();
    inode->accessed = change.accessed.value_or(inode->accessed);
    inode->modified = change.modified.value_or(inode->modified);
    return {};
}

Result<void> Tmpfs::setxattr(InodeId id, std::string_view name, std::string_view value, int flags) {
    MEMCGFS_TRY(check_xattr_name(name));
    Inode* const inode = find(id);
    if (inode == nullptr || value.size() > kXattrValueMost) {
        return Err(inode == nullptr ? Errno::kENOENT : Errno::kE2BIG);
    }
    const bool there = inode->xattrs.contains(name);
    if (there && (flags & XATTR_CREATE) != 0) {
        return Err(Errno::kEEXIST);
    }
    if (!there && (flags & XATTR_REPLACE) != 0) {
        return Err(Errno::kENODATA);
    }
    inode->xattrs.insert_or_assign(std::string(name), std::string(value));
    inode->changed = options_.now();
    return {};
}

Result<std::string> Tmpfs::getxattr(InodeId id, std::string_view name) const {
    MEMCGFS_TRY(check_xattr_name(name));
    const Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    const auto found = inode->xattrs.find(name);
    return found == inode->xattrs.end() ? Err(Errno::kENODATA) : Result<std::string>(found->second);
}

Result<std::vector<std::string>> Tmpfs::listxattr(InodeId id) const {
    const Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    std::vector<std::string> names;
    for (const auto& [name, value] : inode->xattrs) {
        names.push_back(name);
    }
    return names;
}

Result<void> Tmpfs::removexattr(InodeId id, std::string_view name) {
    MEMCGFS_TRY(check_xattr_name(name));
    Inode* const inode = find(id);
    const auto found =
        inode != nullptr ? inode->xattrs.find(name) : decltype(inode->xattrs.end()){};
    if (inode == nullptr || found == inode->xattrs.end()) {
        return Err(inode == nullptr ? Errno::kENOENT : Errno::kENODATA);
    }
    inode->xattrs.erase(found);
    inode->changed = options_.now();
    return {};
}

struct statvfs Tmpfs::statfs() const {
    struct statvfs status{};
    status.f_bsize = kPageSize;
    status.f_frsize = kPageSize;
    status.f_namemax = 255;
    if (const Pages most = options_.limits.blocks; most != Pages{0}) {
        status.f_blocks = most.count();
        status.f_bfree = status.f_bavail = (most - used_blocks_).count();
    }
    if (const std::uint64_t most = options_.limits.inodes; most != 0) {
        status.f_files = most;
        status.f_ffree = status.f_favail = most - used_inodes_;
    }
    return status;
}

Result<void> Tmpfs::set_limits(const std::optional<Pages>& blocks,
                               const std::optional<std::uint64_t>& inodes) {
    TmpfsLimits& limits = options_.limits;
    if (blocks.value_or(Pages{0}) != Pages{0} &&
        (limits.blocks == Pages{0} || *blocks < used_blocks_)) {
        return Err(Errno::kEINVAL);
    }
    if (inodes.value_or(0) != 0 && (limits.inodes == 0 || *inodes < used_inodes_)) {
        return Err(Errno::kEINVAL);
    }
    limits.blocks = blocks.value_or(limits.blocks);
    limits.inodes = inodes.value_or(limits.inodes);
    return {};
}

}  // namespace memcgfs::files
