// SPDX-License-Identifier: MIT
//
// Requests on names and attributes of a tmpfs.
#include <ctime>
#include <vector>

#include "fuse/adapter.h"
#include "fuse/files_adapter.h"

namespace memcgfs::fuse {

using files::InodeId;
using files::Name;
using files::Tmpfs;

namespace {

/// What the kernel is told of an inode that it holds from then on.
Result<fuse_entry_param> enter(Tmpfs& fs, InodeId inode) {
    fuse_entry_param entry{};
    entry.ino = static_cast<fuse_ino_t>(inode);
    entry.attr = MEMCGFS_TRY(fs.getattr(inode));
    entry.attr_timeout = kForeverSeconds;
    entry.entry_timeout = kForeverSeconds;
    fs.hold(inode);
    return entry;
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    FilesAdapter& adapter = FilesAdapter::of(request);
    reply_inode(request,
                adapter.fs.with([&](Tmpfs& fs) { return fs.lookup({inode_of(parent), name}); }));
}

void forget_one(FilesAdapter& adapter, fuse_ino_t node, std::uint64_t count) {
    if (node != FUSE_ROOT_ID) {
        adapter.fs.with([&](Tmpfs& fs) { fs.forget(inode_of(node), count); });
    }
}

void forget(fuse_req_t request, fuse_ino_t node, std::uint64_t count) {
    forget_one(FilesAdapter::of(request), node, count);
    fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; i++) {
        forget_one(FilesAdapter::of(request), forgets[i].ino, forgets[i].nlookup);
    }
    fuse_reply_none(request);
}

void reply_attributes(fuse_req_t request, const Result<struct stat>& status) {
    if (status.ok()) {
        fuse_reply_attr(request, &*status, kForeverSeconds);
    } else {
        reply_error(request, status.error());
    }
}

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
    reply_attributes(request, FilesAdapter::of(request).fs.with(
                                  [&](Tmpfs& fs) { return fs.getattr(inode_of(node)); }));
}

timespec time_now() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

Tmpfs::Change change_of(const struct stat& wanted, int to_set) {
    const auto is_set = [to_set](int flag) { return (to_set & flag) != 0; };
    Tmpfs::Change change;
    if (is_set(FUSE_SET_ATTR_MODE)) {
        change.mode = wanted.st_mode;
    }
    if (is_set(FUSE_SET_ATTR_UID)) {
        change.uid = wanted.st_uid;
    }
    if (is_set(FUSE_SET_ATTR_GID)) {
        change.gid = wanted.st_gid;
    }
    if (is_set(FUSE_SET_ATTR_SIZE)) {
        change.size = static_cast<std::uint64_t>(wanted.st_size);
    }
    if (is_set(FUSE_SET_ATTR_ATIME)) {
        change.accessed = is_set(FUSE_SET_ATTR_ATIME_NOW) ? time_now() : wanted.st_atim;
    }
    if (is_set(FUSE_SET_ATTR_MTIME)) {
        change.modified = is_set(FUSE_SET_ATTR_MTIME_NOW) ? time_now() : wanted.st_mtim;
    }
    return change;
}

void setattr(fuse_req_t request, fuse_ino_t node, struct stat* wanted, int to_set,
             fuse_file_info*) {
    const Tmpfs::Change change = change_of(*wanted, to_set);
    reply_attributes(request,
                     FilesAdapter::of(request).fs.with([&](Tmpfs& fs) -> Result<struct stat> {
                         MEMCGFS_TRY(fs.setattr(inode_of(node), change));
                         return fs.getattr(inode_of(node));
                     }));
}

Tmpfs::NewInode new_inode(fuse_req_t request, mode_t mode) {
    const fuse_ctx* const context = fuse_req_ctx(request);
    return {.mode = mode, .uid = context->uid, .gid = context->gid};
}

void make(fuse_req_t request, const Name& name, const Tmpfs::NewInode& wanted) {
    reply_inode(request, FilesAdapter::of(request).fs.with(
                             [&](Tmpfs& fs) { return fs.make(name, wanted); }));
}

void mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
    Tmpfs::NewInode wanted = new_inode(request, mode);
    wanted.device = device;
    make(request, {inode_of(parent), name}, wanted);
}

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
    make(request, {inode_of(parent), name}, new_inode(request, S_IFDIR | mode));
}

void symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
    Tmpfs::NewInode wanted = new_inode(request, S_IFLNK | 0777);
    wanted.target = target;
    make(request, {inode_of(parent), name}, wanted);
}

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info) {
    FilesAdapter& adapter = FilesAdapter::of(request);
    const Tmpfs::NewInode wanted = new_inode(request, S_IFREG | (mode & 07777U));
    const bool unnamed = std::string_view(name) == kNoName;
    const auto entry = adapter.fs.with([&](Tmpfs& fs) -> Result<fuse_entry_param> {
        const InodeId made = MEMCGFS_TRY(unnamed ? fs.make_unnamed(inode_of(parent), wanted)
                                                 : fs.make({inode_of(parent), name}, wanted));
        fs.open(made);
        return enter(fs, made);
    });
    if (!entry.ok()) {
        reply_error(request, entry.error());
        return;
    }
    info->direct_io = 1;
    info->keep_cache = 1;
    info->noflush = 1;
    if (fuse_reply_create(request, &*entry, info) == -ENOENT) {
        adapter.fs.with([&](Tmpfs& fs) {  // interrupted: neither release nor forget will come
            fs.close(inode_of(entry->ino));
            fs.forget(inode_of(entry->ino), 1);
        });
    }
}

void link(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char* name) {
    reply_inode(request, FilesAdapter::of(request).fs.with([&](Tmpfs& fs) -> Result<InodeId> {
        MEMCGFS_TRY(fs.link(inode_of(node), {inode_of(parent), name}));
        return inode_of(node);
    }));
}

void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_result(request, FilesAdapter::of(request).fs.with(
                              [&](Tmpfs& fs) { return fs.unlink({inode_of(parent), name}); }));
}

void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_result(request, FilesAdapter::of(request).fs.with(
                              [&](Tmpfs& fs) { return fs.rmdir({inode_of(parent), name}); }));
}

void rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
    reply_result(request, FilesAdapter::of(request).fs.with([&](Tmpfs& fs) {
        return fs.rename({inode_of(parent), name}, {inode_of(new_parent), new_name}, flags);
    }));
}

void readlink(fuse_req_t request, fuse_ino_t node) {
    const auto target =
        FilesAdapter::of(request).fs.with([&](Tmpfs& fs) { return fs.readlink(inode_of(node)); });
    if (target.ok()) {
        fuse_reply_readlink(request, target->c_str());
    } else {
        reply_error(request, target.error());
    }
}

/// "." and ".." have the last places: a listing goes from the newest entry to the oldest, whose
/// places are above these.
void readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t place, fuse_file_info*) {
    constexpr off_t kDot = INT64_MAX;
    constexpr off_t kDotDot = INT64_MAX - 1;
    std::vector<char> buffer(size);
    std::size_t used = 0;
    const auto entries = FilesAdapter::of(request).fs.with([&](Tmpfs& fs) {
        const bool begins = place == 0 || place >= kDotDot;
        return std::pair{
            fs.parent_of(inode_of(node)),
            fs.list(inode_of(node), begins ? 0 : static_cast<std::uint64_t>(place), size / 24 + 1)};
    });
    const auto put = [&](const char* name, ino_t inode, mode_t mode, off_t next) {
        struct stat status{};
        status.st_ino = inode;
        status.st_mode = mode;
        const std::size_t needed =
            fuse_add_direntry(request, buffer.data() + used, size - used, name, &status, next);
        if (needed > size - used) {
            return false;
        }
        used += needed;
        return true;
    };
    bool room = true;
    if (place == 0) {
        room = put(".", node, S_IFDIR, kDot);
    }
    if (room && (place == 0 || place == kDot)) {
        room = put("..", static_cast<ino_t>(entries.first), S_IFDIR, kDotDot);
    }
    for (const Tmpfs::Entry& entry : entries.second) {
        room = room && put(entry.name.c_str(), static_cast<ino_t>(entry.inode), entry.mode,
                           static_cast<off_t>(entry.cookie));
    }
    fuse_reply_buf(request, buffer.data(), used);
}

void statfs(fuse_req_t request, fuse_ino_t) {
    const struct statvfs status =
        FilesAdapter::of(request).fs.with([](Tmpfs& fs) { return fs.statfs(); });
    fuse_reply_statfs(request, &status);
}

void setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
              std::size_t size, int flags) {
    reply_result(request, FilesAdapter::of(request).fs.with([&](Tmpfs& fs) {
        return fs.setxattr(inode_of(node), name, std::string_view(value, size), flags);
    }));
}

void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
    const auto value = FilesAdapter::of(request).fs.with(
        [&](Tmpfs& fs) { return fs.getxattr(inode_of(node), name); });
    if (value.ok()) {
        reply_xattr(request, *value, size);
    } else {
        reply_error(request, value.error());
    }
}

void listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
    const auto names =
        FilesAdapter::of(request).fs.with([&](Tmpfs& fs) { return fs.listxattr(inode_of(node)); });
    if (!names.ok()) {
        reply_error(request, names.error());
        return;
    }
    std::string list;
    for (const std::string& name : *names) {
        list.append(name).push_back('\0');
    }
    reply_xattr(request, list, size);
}

void removexattr(fuse_req_t request, fuse_ino_t node, const char* name) {
    reply_result(request, FilesAdapter::of(request).fs.with(
                              [&](Tmpfs& fs) { return fs.removexattr(inode_of(node), name); }));
}

}  // namespace

void reply_inode(fuse_req_t request, const Result<InodeId>& inode) {
    FilesAdapter& adapter = FilesAdapter::of(request);
    if (!inode.ok()) {
        reply_error(request, inode.error());
        return;
    }
    const auto entry = adapter.fs.with([&](Tmpfs& fs) { return enter(fs, *inode); });
    if (!entry.ok()) {
        reply_error(request, entry.error());
    } else if (fuse_reply_entry(request, &*entry) == -ENOENT) {
        forget_one(adapter, entry->ino, 1);  // interrupted: the kernel never saw it
    }
}

void add_files_name_ops(fuse_lowlevel_ops& ops) {
    ops.lookup = lookup;
    ops.forget = forget;
    ops.forget_multi = forget_multi;
    ops.getattr = getattr;
    ops.setattr = setattr;
    ops.mknod = mknod;
    ops.mkdir = mkdir;
    ops.symlink = symlink;
    ops.create = create;
    ops.link = link;
    ops.unlink = unlink;
    ops.rmdir = rmdir;
    ops.rename = rename;
    ops.readlink = readlink;
    ops.readdir = readdir;
    ops.statfs = statfs;
    ops.setxattr = setxattr;
    ops.getxattr = getxattr;
    ops.listxattr = listxattr;
    ops.removexattr = removexattr;
}

}  // namespace memcgfs::fuse
