// SPDX-License-Identifier: MIT
#include "fuse/adapter.h"

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

vfs::OpenFile& file_of(const fuse_file_info* info) {
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

void reply_attributes(fuse_req_t request, const Result<vfs::Attributes>& attributes) {
    if (!attributes.ok()) {
        reply_error(request, attributes.error());
        return;
    }
    const struct stat status = stat_of(*attributes);
    fuse_reply_attr(request, &status, Adapter::of(request).cache_seconds);
}

}  // namespace memcgfs::fuse
