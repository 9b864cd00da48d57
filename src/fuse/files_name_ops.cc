// SPDX-License-Identifier: MIT
//
// Requests on names and attributes of files.
#include <ctime>
#include <vector>

#include "fuse/adapter.h"
#include "fuse/files_adapter.h"

namespace memcgfs::fuse {

using files::AttributeChange;
using files::FileSystem;
using files::Name;
using files::NewInode;

namespace {

fuse_entry_param entry_of(const FilesAdapter& adapter, const FileSystem::Entry& entry) {
    fuse_entry_param told{};
    told.ino = static_cast<fuse_ino_t>(entry.inode);
    told.attr = entry.status;
    told.attr_timeout = told.entry_timeout = adapter.fs.kept_seconds();
    return told;
}

void forget_one(FilesAdapter& adapter, fuse_ino_t node, std::uint64_t count) {
    if (node != FUSE_ROOT_ID) {
        adapter.fs.forget(inode_of(node), count);
    }
}

/// Answers with a name's inode, which the kernel holds from then on.
void reply_entry(fuse_req_t request, const Result<FileSystem::Entry>& entry) {
    FilesAdapter& adapter = FilesAdapter::of(request);
    if (!entry.ok()) {
        reply_error(request, entry.error());
        return;
    }
    const fuse_entry_param told = entry_of(adapter, *entry);
    if (fuse_reply_entry(request, &told) == -ENOENT) {
        forget_one(adapter, told.ino, 1);  // interrupted: the kernel never saw it
    }
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_entry(request, FilesAdapter::of(request).fs.lookup({inode_of(parent), name}));
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
        fuse_reply_attr(request, &*status, FilesAdapter::of(request).fs.kept_seconds());
    } else {
        reply_error(request, status.error());
    }
}

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
    reply_attributes(request, FilesAdapter::of(request).fs.getattr(inode_of(node)));
}

timespec time_now() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

AttributeChange change_of(const struct stat& wanted, int to_set) {
    const auto is_set = [to_set](int flag) { return (to_set & flag) != 0; };
    AttributeChange change;
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
             fuse_file_info* info) {
    const auto handle = info != nullptr ? std::optional(info->fh) : std::nullopt;
    reply_attributes(request, FilesAdapter::of(request).fs.setattr(
                                  inode_of(node), change_of(*wanted, to_set), handle));
}

NewInode new_inode(fuse_req_t request, mode_t mode) {
    const fuse_ctx* const context = fuse_req_ctx(request);
    return {.mode = mode, .uid = context->uid, .gid = context->gid};
}

void make(fuse_req_t request, const Name& name, const NewInode& wanted) {
    reply_entry(request, FilesAdapter::of(request).fs.make(name, wanted));
}

void mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
    NewInode wanted = new_inode(request, mode);
    wanted.device = device;
    make(request, {inode_of(parent), name}, wanted);
}

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
    make(request, {inode_of(parent), name}, new_inode(request, S_IFDIR | mode));
}

void symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
    NewInode wanted = new_inode(request, S_IFLNK | 0777);
    wanted.target = target;
    make(request, {inode_of(parent), name}, wanted);
}

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* info) {
    FilesAdapter& adapter = FilesAdapter::of(request);
    const NewInode wanted = new_inode(request, S_IFREG | (mode & 07777U));
    const bool unnamed = std::string_view(name) == kNoName;
    const auto created = unnamed ? adapter.fs.create_unnamed(inode_of(parent), wanted, info->flags)
                                 : adapter.fs.create({inode_of(parent), name}, wanted, info->flags);
    if (!created.ok()) {
        reply_error(request, created.error());
        return;
    }
    set_open(*info, created->handle, adapter.fs.kept_seconds() >= kForEver);
    const fuse_entry_param told = entry_of(adapter, created->entry);
    if (fuse_reply_create(request, &told, info) == -ENOENT) {
        // interrupted: neither release nor forget will come
        adapter.fs.close(created->entry.inode, created->handle);
        adapter.fs.forget(created->entry.inode, 1);
    }
}

void link(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char* name) {
    reply_entry(request,
                FilesAdapter::of(request).fs.link(inode_of(node), {inode_of(parent), name}));
}

void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_result(request, FilesAdapter::of(request).fs.unlink({inode_of(parent), name}));
}

void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_result(request, FilesAdapter::of(request).fs.rmdir({inode_of(parent), name}));
}

void rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
    reply_result(request, FilesAdapter::of(request).fs.rename(
                              {inode_of(parent), name}, {inode_of(new_parent), new_name}, flags));
}

void readlink(fuse_req_t request, fuse_ino_t node) {
    const auto target = FilesAdapter::of(request).fs.readlink(inode_of(node));
    if (target.ok()) {
        fuse_reply_readlink(request, target->c_str());
    } else {
        reply_error(request, target.error());
    }
}

void opendir(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    FilesAdapter& adapter = FilesAdapter::of(request);
    const auto handle = adapter.fs.open_directory(inode_of(node));
    if (!handle.ok()) {
        reply_error(request, handle.error());
        return;
    }
    info->fh = *handle;
    if (fuse_reply_open(request, info) == -ENOENT) {
        adapter.fs.close_directory(inode_of(node), *handle);
    }
}

void releasedir(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    FilesAdapter::of(request).fs.close_directory(inode_of(node), info->fh);
    fuse_reply_err(request, 0);
}

void readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t place,
             fuse_file_info* info) {
    constexpr std::size_t kLeastEntry = 24;
    std::vector<char> buffer(size);
    std::size_t used = 0;
    const auto listed =
        FilesAdapter::of(request).fs.list(inode_of(node), info->fh, place, size / kLeastEntry + 1);
    if (!listed.ok()) {
        reply_error(request, listed.error());
        return;
    }
    for (const FileSystem::Listed& entry : *listed) {
        struct stat status{};
        status.st_ino = entry.number;
        status.st_mode = entry.type;
        const std::size_t needed = fuse_add_direntry(request, buffer.data() + used, size - used,
                                                     entry.name.c_str(), &status, entry.next);
        if (needed > size - used) {
            break;
        }
        used += needed;
    }
    fuse_reply_buf(request, buffer.data(), used);
}

void statfs(fuse_req_t request, fuse_ino_t node) {
    const auto status = FilesAdapter::of(request).fs.statfs(inode_of(node));
    if (status.ok()) {
        fuse_reply_statfs(request, &*status);
    } else {
        reply_error(request, status.error());
    }
}

void setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
              std::size_t size, int flags) {
    reply_result(request, FilesAdapter::of(request).fs.setxattr(
                              inode_of(node), name, std::string_view(value, size), flags));
}

void reply_text(fuse_req_t request, const Result<std::string>& text, std::size_t size) {
    if (text.ok()) {
        reply_xattr(request, *text, size);
    } else {
        reply_error(request, text.error());
    }
}

void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
    reply_text(request, FilesAdapter::of(request).fs.getxattr(inode_of(node), name), size);
}

void listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
    reply_text(request, FilesAdapter::of(request).fs.listxattr(inode_of(node)), size);
}

void removexattr(fuse_req_t request, fuse_ino_t node, const char* name) {
    reply_result(request, FilesAdapter::of(request).fs.removexattr(inode_of(node), name));
}

}  // namespace

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
    ops.opendir = opendir;
    ops.releasedir = releasedir;
    ops.readdir = readdir;
    ops.statfs = statfs;
    ops.setxattr = setxattr;
    ops.getxattr = getxattr;
    ops.listxattr = listxattr;
    ops.removexattr = removexattr;
}

}  // namespace memcgfs::fuse
