// SPDX-License-Identifier: MIT
//
// Requests on names and attributes.
#include <ctime>

#include "fuse/adapter.h"

namespace memcgfs::fuse {

namespace {

using vfs::Access;
using vfs::NodeId;

constexpr Access kChangeNames = Access::kWrite | Access::kExecute;

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

/// `keep_name`: nothing about its directory forbids it.
void reply_entry(fuse_req_t request, const Result<vfs::Attributes>& found, bool keep_name) {
    Adapter& adapter = Adapter::of(request);
    if (!found.ok()) {
        reply_error(request, found.error());  // no negative entry: the kernel asks again
        return;
    }
    fuse_entry_param entry{};
    entry.ino = static_cast<fuse_ino_t>(found->node);
    entry.attr = stat_of(*found);
    entry.attr_timeout = adapter.cache_seconds;
    entry.entry_timeout = found->permanent && keep_name ? adapter.cache_seconds : 0;
    adapter.tree.hold(found->node);
    if (fuse_reply_entry(request, &entry) == -ENOENT) {
        adapter.tree.forget(found->node, 1);  // interrupted: the kernel never saw the entry
    }
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    Adapter& adapter = Adapter::of(request);
    const auto keeps_names = adapter.may_in(request, NodeId{parent}, Access::kExecute);
    if (!keeps_names.ok()) {
        adapter.turned_away(request, NodeId{parent});
        reply_error(request, keeps_names.error());
        return;
    }
    const auto found = adapter.tree.lookup(NodeId{parent}, name);
    if (!found.ok()) {
        adapter.turned_away(request, NodeId{parent});
    }
    if (adapter.fast != nullptr && found.ok() && S_ISREG(found->mode)) {
        reply_fast_entry(request, NodeId{parent}, name, *found);
    } else {
        reply_entry(request, found, *keeps_names);
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
        const auto attributes = adapter.tree.getattr(NodeId{node});
        if (attributes.ok() && attributes->gone && S_ISREG(attributes->mode) &&
            adapter.send_back(request, NodeId{node})) {
            reply_error(request, Errno::kESTALE);
            return;
        }
        reply_attributes(request, node, attributes);
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

vfs::AttributeChange change_of(const struct stat* wanted, int to_set) {
    const auto is_set = [to_set](int flag) { return (to_set & flag) != 0; };
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
    return change;
}

vfs::ChangeOrigin origin_of(int to_set) {
    constexpr int kTouch = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME |
                           FUSE_SET_ATTR_MTIME_NOW;
    constexpr int kDropsSetId = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_SIZE;
    // utimensat(2) of both times to now cannot be told from utime(2) without times, nor in Linux.
    // The kernel puts a new mode beside these only to drop the bits (fuse_setattr, 6.1).
    return {.touches = (to_set & kTouch) == kTouch, .drops_set_id = (to_set & kDropsSetId) != 0};
}

/// `by_name`: nobody has opened the file for writing before.
void truncate(fuse_req_t request, fuse_ino_t node, bool by_name) {
    Adapter& adapter = Adapter::of(request);
    const NodeId in_tree = adapter.in_tree(node);
    if (by_name) {
        if (const auto may = adapter.may(request, in_tree, Access::kWrite); !may.ok()) {
            reply_error(request, may.error());
            return;
        }
    }
    reply_attributes(request, node, adapter.tree.getattr(in_tree));  // nothing is truncated
}

void setattr(fuse_req_t request, fuse_ino_t node, struct stat* wanted, int to_set,
             fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    const NodeId in_tree = adapter.in_tree(node);
    const vfs::AttributeChange change = change_of(wanted, to_set);
    if (!change.mode && !change.uid && !change.gid && !change.accessed && !change.modified) {
        const bool truncates = (to_set & FUSE_SET_ATTR_SIZE) != 0;
        truncate(request, node, truncates && info == nullptr);
        return;
    }
    const auto allowed = adapter.may_change(request, in_tree, change, origin_of(to_set));
    if (!allowed.ok()) {
        reply_error(request, allowed.error());
        return;
    }
    const auto before = adapter.tree.getattr(in_tree);
    const auto changed = adapter.tree.setattr(in_tree, *allowed);
    if (FastNodes::is_one(node)) {
        adapter.fast->attributes_changed(in_tree, node);
    }
    if (adapter.rights != nullptr && changed.ok() && S_ISDIR(changed->mode) &&
        vfs::all_may_search(before->mode) && !vfs::all_may_search(changed->mode)) {
        adapter.expirer->answer_and_forget(
            [request, node, changed] { reply_attributes(request, node, changed); },
            {node, adapter.tree.known_names(in_tree), Expirer::Way::kAsk});
        return;
    }
    reply_attributes(request, node, changed);
}

void access(fuse_req_t request, fuse_ino_t node, int mask) {
    constexpr int kBits = 7;
    Adapter& adapter = Adapter::of(request);
    reply_result(request,
                 adapter.may(request, adapter.in_tree(node), static_cast<Access>(mask & kBits)));
}

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
    Adapter& adapter = Adapter::of(request);
    const auto keeps_names = adapter.may_add(request, NodeId{parent});
    if (!keeps_names.ok()) {
        reply_error(request, keeps_names.error());
        return;
    }
    const auto made = adapter.tree.mkdir(NodeId{parent}, name, mode, credentials_of(request));
    adapter.deliver();
    reply_entry(request, made, *keeps_names);
}

void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    Adapter& adapter = Adapter::of(request);
    if (const auto may = adapter.may_take(request, NodeId{parent}, name); !may.ok()) {
        reply_error(request, may.error());
        return;
    }
    auto removed = adapter.tree.rmdir(NodeId{parent}, name);
    adapter.deliver();
    if (!removed.ok()) {
        reply_error(request, removed.error());
    } else if (removed->open_files.empty() || adapter.fast != nullptr) {
        fuse_reply_err(request, 0);  // fast nodes are forgotten as their files go
    } else {
        // The kernel will have dropped all other names in the directory, but to whoever stands
        // there it would still show those. Until they have been forgotten it is to ask of them.
        for (const NodeId file : removed->open_files) {
            fuse_lowlevel_notify_inval_inode(adapter.session, static_cast<fuse_ino_t>(file), -1, 0);
        }
        adapter.expirer->answer_and_forget(
            [request] { fuse_reply_err(request, 0); },
            {static_cast<fuse_ino_t>(removed->directory), std::move(removed->names_of_open_files),
             Expirer::Way::kDrop});
    }
}

void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    Adapter& adapter = Adapter::of(request);
    const auto may = adapter.may_take(request, NodeId{parent}, name);
    reply_result(request, may.ok() ? adapter.tree.unlink(NodeId{parent}, name) : may);
}

Result<void> may_rename(fuse_req_t request, NodeId parent, const char* name, NodeId new_parent) {
    Adapter& adapter = Adapter::of(request);
    MEMCGFS_TRY(adapter.may_take(request, parent, name));
    if (parent == new_parent) {
        return {};
    }
    // Not sent back: that may have happened to it for the other directory.
    MEMCGFS_TRY(adapter.may_in(request, new_parent, kChangeNames));
    // A directory that moves changes itself: its "..".
    const vfs::Attributes moved = MEMCGFS_TRY(adapter.tree.lookup(parent, name));
    if (S_ISDIR(moved.mode)) {
        MEMCGFS_TRY(adapter.may_in(request, moved.node, Access::kWrite));
    }
    return {};
}

void rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
    const auto may = may_rename(request, NodeId{parent}, name, NodeId{new_parent});
    reply_result(request, may.ok()
                              ? Adapter::of(request).tree.rename(
                                    NodeId{parent}, name, {NodeId{new_parent}, new_name, flags})
                              : may);
}

// The kernel's cgroup file systems have no create, mknod, symlink or link: the errors are those
// of the virtual file system for a missing operation.
void refuse_entry(fuse_req_t request, fuse_ino_t parent) {
    const auto may = Adapter::of(request).may(request, NodeId{parent}, kChangeNames);
    reply_error(request, may.ok() ? Errno::kEPERM : may.error());
}

void mknod(fuse_req_t request, fuse_ino_t parent, const char*, mode_t mode, dev_t) {
    if (S_ISREG(mode)) {
        reply_error(request, Errno::kEACCES);
    } else {
        refuse_entry(request, parent);
    }
}

void create(fuse_req_t request, fuse_ino_t, const char*, mode_t, fuse_file_info*) {
    reply_error(request, Errno::kEACCES);
}

void symlink(fuse_req_t request, const char*, fuse_ino_t parent, const char*) {
    refuse_entry(request, parent);
}

void link(fuse_req_t request, fuse_ino_t, fuse_ino_t parent, const char*) {
    refuse_entry(request, parent);
}

void statfs(fuse_req_t request, fuse_ino_t) {
    struct statvfs status{};
    status.f_bsize = 4096;
    status.f_frsize = 4096;
    status.f_namemax = 255;
    fuse_reply_statfs(request, &status);
}

/// The part of xattr_permission() (fs/xattr.c, 6.1) that depends on the node's mode: that of
/// system.*, trusted.* and security.* does not, and the kernel has seen to it.
Result<void> may_have_xattr(fuse_req_t request, NodeId node, std::string_view name, Access wanted) {
    for (const std::string_view prefix : {"security.", "system.", "trusted."}) {
        if (name.starts_with(prefix)) {
            return {};
        }
    }
    Adapter& adapter = Adapter::of(request);
    if (wanted == Access::kWrite && adapter.rights != nullptr && name.starts_with("user.")) {
        const vfs::Attributes attributes = MEMCGFS_TRY(adapter.tree.getattr(node));
        MEMCGFS_TRY(vfs::check_user_xattr(attributes, credentials_of(request), *adapter.rights));
    }
    return adapter.may(request, node, wanted);
}

void setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
              std::size_t size, int flags) {
    Adapter& adapter = Adapter::of(request);
    const NodeId in_tree = adapter.in_tree(node);
    const auto may = may_have_xattr(request, in_tree, name, Access::kWrite);
    reply_result(request, may.ok() ? adapter.tree.setxattr(in_tree, name,
                                                           std::string_view(value, size), flags)
                                   : may);
}

Result<std::string> find_xattr(fuse_req_t request, NodeId node, const char* name) {
    MEMCGFS_TRY(may_have_xattr(request, node, name, Access::kRead));
    return Adapter::of(request).tree.getxattr(node, name);
}

void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
    const auto value = find_xattr(request, Adapter::of(request).in_tree(node), name);
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
    Adapter& adapter = Adapter::of(request);
    const NodeId in_tree = adapter.in_tree(node);
    const auto may = may_have_xattr(request, in_tree, name, Access::kWrite);
    reply_result(request, may.ok() ? adapter.tree.removexattr(in_tree, name) : may);
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
    ops.access = access;
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
