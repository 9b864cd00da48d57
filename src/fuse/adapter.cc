// SPDX-License-Identifier: MIT
#include "fuse/adapter.h"

#include "fuse/client_call.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::fuse {

Adapter::~Adapter() { polls->close(); }

std::uint64_t Adapter::add_handle(std::unique_ptr<vfs::OpenFile> file) {
    const auto handle = reinterpret_cast<std::uint64_t>(file.get());
    MutexLock lock(mutex_);
    handles_.emplace(handle, std::move(file));
    return handle;
}

void Adapter::remove_handle(std::uint64_t handle) {
    std::unique_ptr<vfs::OpenFile> file;  // destroyed after the lock has been dropped
    MutexLock lock(mutex_);
    const auto found = handles_.find(handle);
    MEMCGFS_ASSERT(found != handles_.end());
    file = std::move(found->second);
    handles_.erase(found);
}

vfs::OpenFile& Adapter::file_of(fuse_ino_t node, const fuse_file_info* info) {
    return FastNodes::is_one(node) ? fast->file_of(node)
                                   : *reinterpret_cast<vfs::OpenFile*>(info->fh);
}

bool Adapter::send_back(fuse_req_t request, vfs::NodeId node) {
    const pid_t thread = fuse_req_ctx(request)->pid;
    const auto before = sent_back_.extract(thread);
    if ((!before.empty() && before.mapped() == node) || !walks_again(thread)) {
        return false;
    }
    sent_back_.emplace(thread, node);
    return true;
}

void Adapter::turned_away(fuse_req_t request, vfs::NodeId directory) {
    if (sent_back_.empty()) {
        return;
    }
    const auto sent_back = sent_back_.find(fuse_req_ctx(request)->pid);
    if (sent_back != sent_back_.end() && sent_back->second != directory) {
        sent_back_.erase(sent_back);
    }
}

// When the kernel walked by the names, and whether before or after it was told to ask for them, no
// request says: so it is not asked here either.
Result<void> Adapter::check_way(fuse_req_t request, vfs::NodeId node) {
    for (const vfs::Attributes& directory : tree.closed_above(node)) {
        const bool may_search =
            vfs::check_access(directory, vfs::Access::kExecute, credentials_of(request), *rights)
                .ok();
        if (!may_search) {
            return send_back(request, node) ? Err(Errno::kESTALE) : Result<void>();
        }
    }
    return {};
}

Result<void> Adapter::may(fuse_req_t request, vfs::NodeId node, vfs::Access wanted) {
    if (rights != nullptr) {
        MEMCGFS_TRY(check_way(request, node));
    }
    MEMCGFS_TRY(may_in(request, node, wanted));
    return {};
}

Result<bool> Adapter::may_add(fuse_req_t request, vfs::NodeId directory) {
    if (rights != nullptr) {
        MEMCGFS_TRY(check_way(request, directory));
    }
    return may_in(request, directory, vfs::Access::kWrite | vfs::Access::kExecute);
}

// DEVIATION(server-checks-permissions): what the kernel asks nobody about, nobody can refuse.
Result<bool> Adapter::may_in(fuse_req_t request, vfs::NodeId directory, vfs::Access wanted) {
    if (rights == nullptr) {
        return true;
    }
    const vfs::Attributes attributes = MEMCGFS_TRY(tree.getattr(directory));
    MEMCGFS_TRY(vfs::check_access(attributes, wanted, credentials_of(request), *rights));
    return vfs::all_may_search(attributes.mode);
}

Result<void> Adapter::may_take(fuse_req_t request, vfs::NodeId directory, std::string_view name) {
    if (rights == nullptr) {
        return {};
    }
    MEMCGFS_TRY(check_way(request, directory));
    const vfs::Credentials caller = credentials_of(request);
    const vfs::Attributes attributes = MEMCGFS_TRY(tree.getattr(directory));
    MEMCGFS_TRY(vfs::check_access(attributes, vfs::Access::kWrite | vfs::Access::kExecute, caller,
                                  *rights));
    if ((attributes.mode & S_ISVTX) == 0) {
        return {};
    }
    const auto entry = tree.lookup(directory, name);
    return entry.ok() ? vfs::check_sticky(attributes, *entry, caller, *rights) : Result<void>();
}

Result<vfs::AttributeChange> Adapter::may_change(fuse_req_t request, vfs::NodeId node,
                                                 const vfs::AttributeChange& change,
                                                 const vfs::ChangeOrigin& origin) {
    if (rights == nullptr) {
        return change;
    }
    MEMCGFS_TRY(check_way(request, node));
    const vfs::Attributes attributes = MEMCGFS_TRY(tree.getattr(node));
    return vfs::check_change(attributes, change, origin, credentials_of(request), *rights);
}

vfs::OpenFile& directory_of(const fuse_file_info* info) {
    return *reinterpret_cast<vfs::OpenFile*>(info->fh);
}

vfs::Credentials credentials_of(fuse_req_t request) {
    const fuse_ctx* context = fuse_req_ctx(request);
    return {context->uid, context->gid, context->pid};
}

struct stat stat_of(const vfs::Attributes& attributes) {
    constexpr blksize_t kBlockSize = 4096;
    struct stat status{};
    status.st_ino = attributes.inode;
    status.st_mode = attributes.mode;
    status.st_nlink = attributes.links;
    status.st_uid = attributes.uid;
    status.st_gid = attributes.gid;
    status.st_blksize = kBlockSize;
    status.st_atim = attributes.accessed;
    status.st_mtim = attributes.modified;
    status.st_ctim = attributes.changed;
    return status;
}

void reply_error(fuse_req_t request, Errno error) { fuse_reply_err(request, to_int(error)); }

void reply_result(fuse_req_t request, const Result<void>& result) {
    fuse_reply_err(request, result.ok() ? 0 : to_int(result.error()));
}

void reply_attributes(fuse_req_t request, fuse_ino_t node,
                      const Result<vfs::Attributes>& attributes) {
    if (!attributes.ok()) {
        reply_error(request, attributes.error());
        return;
    }
    Adapter& adapter = Adapter::of(request);
    if (FastNodes::is_one(node)) {
        reply_attributes(request, adapter.fast->attributes(node, credentials_of(request)));
        return;
    }
    const struct stat status = stat_of(*attributes);
    fuse_reply_attr(request, &status, attributes->gone ? 0 : adapter.cache_seconds);
}

void reply_attributes(fuse_req_t request, const Result<FastNodes::Entry>& entry) {
    if (!entry.ok()) {
        reply_error(request, entry.error());
        return;
    }
    struct stat status = stat_of(entry->attributes);
    status.st_size = static_cast<off_t>(entry->size);
    fuse_reply_attr(request, &status,
                    entry->keep_attributes ? Adapter::of(request).cache_seconds : 0);
}

}  // namespace memcgfs::fuse
