// SPDX-License-Identifier: MIT
//
// Requests on names and attributes.
#include <ctime>

#include "fuse/adapter.h"

namespace memcgfs::fuse {

namespace {

using vfs::NodeId;

/// The answer to a lookup of a file when reads are fast.
void reply_fast_entry(fuse_req_t request, NodeId parent, const char* name,
                      const vfs::Attributes& file) {
    Adapter& adapter = Adapter::of(request);
    const auto found = adapter.fast->enter(parent, name, file, credentials_of(request));
    if (!found.ok()) {
        reply_error(request, found.error());
        return;
    }
    fuse_entry_param entry{};
    entry.ino = found->node;
    entry.attr = stat_of(found->attributes);
    entry.attr.st_size = static_cast<off_t>(found->size);
    // No attributes are kept from here: the kernel may make its inode after they have changed.
    entry.entry_timeout = found->keep_name ? adapter.cache_seconds : 0;
    if (fuse_reply_entry(request, &entry) == -ENOENT) {
        adapter.fast->forget(found->node, 1);
    }
}

void reply_entry(fuse_req_t request, const Result<vfs::Attributes>& found) {
    if (!found.ok()) {
        reply_error(request, found.error());  // no negative entry: the kernel asks again
        return;
    }
    Adapter& adapter = Adapter::of(request);
    fuse_entry_param entry{};
    entry.ino = static_cast<fuse_ino_t>(found->node);
    entry.attr = stat_of(*found);
    entry.attr_timeout = adapter.cache_seconds;
    entry.entry_timeout = found->permanent ? adapter.cache_seconds : 0;
    adapter.tree.hold(found->node);
    if (fuse_reply_entry(request, &entry) == -ENOENT) {
        adapter.tree.forget(found->node, 1);  // interrupted: the kernel never saw the entry
    }
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    Adapter& adapter = Adapter::of(request);
    const auto found = adapter.tree.lookup(NodeId{parent}, name);
    if (adapter.fast != nullptr && found.ok() && S_ISREG(found->mode)) {
        reply_fast_entry(request, NodeId{parent}, name, *found);
    } else {
        reply_entry(request, found);
    }
}

void forget_one(Adapter& adapter, fuse_ino_t node, std::uint64_t count) {
    if (FastNodes::is_one(node)) {
        adapter.fast->forget(node, count);
    } else {
        adapter.tree.forget(NodeId{node}, count);
    }
}

void forget(fuse_req_t request, fuse_ino_t node, std::uint64_t count) {
    forget_one(Adapter::of(request), node, count);
    fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; i++) {
        forget_one(Adapter::of(request), forgets[i].ino, forgets[i].nlookup);
    }
    fuse_reply_none(request);
}

/// With an open file it is the kernel that asks, for a read(2) or the like.
void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    if (!FastNodes::is_one(node)) {
        // A file's own attributes are asked for by its descriptor where a seek to the end wants to
        // know its size (fuse_file_llseek, 6.1).
        if (info != nullptr && adapter.fast == nullptr &&
            adapter.tree.has_records(adapter.file_of(node, info))) {
            adapter.tree.seek_record(adapter.file_of(node, info), vfs::RecordPlace::kEnd,
                                     credentials_of(request));
        }
        reply_attributes(request, node, adapter.tree.getattr(NodeId{node}));
    } else if (info == nullptr) {
        reply_attributes(request, adapter.fast->attributes(node, credentials_of(request)));
    } else {
        reply_attributes(request, adapter.fast->attributes_for_read(node, credentials_of(request)));
    }
}

void readlink(fuse_req_t request, fuse_ino_t node) {
    const auto target = Adapter::of(request).tree.readlink(NodeId{node});
    if (target.ok()) {
        fuse_reply_readlink(request, target->c_str());
    } else {
        reply_error(request, target.error());
    }
}

timespec now() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return time;
}

void setattr(fuse_req_t request, fuse_ino_t node, struct stat* wanted, int to_set,
             fuse_file_info*) {
    const auto is_set = [to_set](int flag) { return (to_set & flag) != 0; };
    Adapter& adapter = Adapter::of(request);
    const NodeId in_tree = adapter.in_tree(node);
    vfs::AttributeChange change;
    if (is_set(FUSE_SET_ATTR_MODE)) {
        change.mode = wanted->st_mode;
    }
    if (is_set(FUSE_SET_ATTR_UID)) {
        change.uid = wanted->st_uid;
    }
    if (is_set(FUSE_SET_ATTR_GID)) {
        change.gid = wanted->st_gid;
    }
    const bool truncates = is_set(FUSE_SET_ATTR_SIZE);
    if (is_set(FUSE_SET_ATTR_ATIME) && !truncates) {
        change.accessed = is_set(FUSE_SET_ATTR_ATIME_NOW) ? now() : wanted->st_atim;
    }
    if (is_set(FUSE_SET_ATTR_MTIME) && !truncates) {
        change.modified = is_set(FUSE_SET_ATTR_MTIME_NOW) ? now() : wanted->st_mtim;
    }
    if (change.mode || change.uid || change.gid || change.accessed || change.modified) {
        const auto changed = adapter.tree.setattr(in_tree, change);
        if (FastNodes::is_one(node)) {
            adapter.fast->attributes_changed(in_tree, node);
        }
        reply_attributes(request, node, changed);
    } else {
        reply_attributes(request, node, adapter.tree.getattr(in_tree));  // nothing is truncated
    }
}

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
    Adapter& adapter = Adapter::of(request);
    const auto made = adapter.tree.mkdir(NodeId{parent}, name, mode, credentials_of(request));
    adapter.deliver();
    reply_entry(request, made);
}

void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    Adapter& adapter = Adapter::of(request);
    const auto removed = adapter.tree.rmdir(NodeId{parent}, name);
    adapter.deliver();
    reply_result(request, removed);
}

void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_result(request, Adapter::of(request).tree.unlink(NodeId{parent}, name));
}

void rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
    reply_result(request, Adapter::of(request).tree.rename(NodeId{parent}, name,
                                                           {NodeId{new_parent}, new_name, flags}));
}

// The kernel's cgroup file systems have no create, mknod, symlink or link: the errors are those
// of the virtual file system for a missing operation.
void mknod(fuse_req_t request, fuse_ino_t, const char*, mode_t mode, dev_t) {
    reply_error(request, S_ISREG(mode) ? Errno::kEACCES : Errno::kEPERM);
}

void create(fuse_req_t request, fuse_ino_t, const char*, mode_t, fuse_file_info*) {
    reply_error(request, Errno::kEACCES);
}

void symlink(fuse_req_t request, const char*, fuse_ino_t, const char*) {
    reply_error(request, Errno::kEPERM);
}

void link(fuse_req_t request, fuse_ino_t, fuse_ino_t, const char*) {
    reply_error(request, Errno::kEPERM);
}

void statfs(fuse_req_t request, fuse_ino_t) {
    struct statvfs status{};
    status.f_bsize = 4096;
    status.f_frsize = 4096;
    status.f_namemax = 255;
    fuse_reply_statfs(request, &status);
}

void setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
              std::size_t size, int flags) {
    reply_result(request,
                 Adapter::of(request).tree.setxattr(Adapter::of(request).in_tree(node), name,
                                                    std::string_view(value, size), flags));
}

void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
    const auto value = Adapter::of(request).tree.getxattr(Adapter::of(request).in_tree(node), name);
    if (value.ok()) {
        reply_xattr(request, *value, size);
    } else {
        reply_error(request, value.error());
    }
}

void listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
    const auto names = Adapter::of(request).tree.listxattr(Adapter::of(request).in_tree(node));
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
    reply_result(request,
                 Adapter::of(request).tree.removexattr(Adapter::of(request).in_tree(node), name));
}

}  // namespace

void reply_xattr(fuse_req_t request, std::string_view content, std::size_t size) {
    if (size == 0) {
        fuse_reply_xattr(request, content.size());
    } else if (content.size() > size) {
        reply_error(request, Errno::kERANGE);
    } else {
        fuse_reply_buf(request, content.data(), content.size());
    }
}

void add_name_ops(fuse_lowlevel_ops& ops) {
    ops.lookup = lookup;
    ops.forget = forget;
    ops.forget_multi = forget_multi;
    ops.getattr = getattr;
    ops.readlink = readlink;
    ops.setattr = setattr;
    ops.mkdir = mkdir;
    ops.rmdir = rmdir;
    ops.unlink = unlink;
    ops.rename = rename;
    ops.mknod = mknod;
    ops.create = create;
    ops.symlink = symlink;
    ops.link = link;
    ops.statfs = statfs;
    ops.setxattr = setxattr;
    ops.getxattr = getxattr;
    ops.listxattr = listxattr;
    ops.removexattr = removexattr;
}

}  // namespace memcgfs::fuse
