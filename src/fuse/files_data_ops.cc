// SPDX-License-Identifier: MIT
//
// Requests on the contents of files.
#include <fcntl.h>

#include <memory>
#include <vector>

#include "fuse/adapter.h"
#include "fuse/files_adapter.h"
#include "memcgfs/files/work.h"

namespace memcgfs::fuse {

using files::FileSystem;

namespace {

using Work = std::shared_ptr<files::Work>;
using Reply = std::function<void(const Result<std::uint64_t>&)>;

/// Runs what is left of the work, and replies.
void advance(fuse_req_t request, const Work& work, const Reply& reply) {
    std::unique_ptr<Operation> operation = work->next();
    if (operation == nullptr) {
        reply(work->finish({}));
        return;
    }
    FilesAdapter::of(request).pending.run(request, std::move(operation),
                                          [request, work, reply](const OperationResult& result) {
                                              if (result.ok()) {
                                                  advance(request, work, reply);
                                              } else {
                                                  reply(work->finish(Err(result.error())));
                                              }
                                          });
}

void begin(fuse_req_t request, Result<std::unique_ptr<files::Work>> work, const Reply& reply) {
    if (work.ok()) {
        advance(request, Work(std::move(work).value()), reply);
    } else {
        reply_error(request, work.error());
    }
}

FileSystem::Access access_of(fuse_req_t request, fuse_ino_t node, off_t offset, std::uint64_t size,
                             const fuse_file_info* info) {
    return {.inode = inode_of(node),
            .thread = fuse_req_ctx(request)->pid,
            .offset = static_cast<std::uint64_t>(offset),
            .size = size,
            .handle = info->fh};
}

void open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    FilesAdapter& adapter = FilesAdapter::of(request);
    const auto handle = adapter.fs.open(inode_of(node), info->flags);
    if (!handle.ok()) {
        reply_error(request, handle.error());
        return;
    }
    set_open(*info, *handle, adapter.fs.kept_seconds() >= kForEver);
    if (fuse_reply_open(request, info) == -ENOENT) {
        adapter.fs.close(inode_of(node), *handle);
    }
}

void release(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    FilesAdapter::of(request).fs.close(inode_of(node), info->fh);
    fuse_reply_err(request, 0);
}

void reply_content(fuse_req_t request, const FileSystem::Access& access) {
    static const std::vector<std::byte> kZeros(std::size_t{1} << 20U);
    std::vector<std::byte> bytes(access.size);
    const auto outcome = FilesAdapter::of(request).fs.fetch(access, bytes);
    if (!outcome.ok()) {
        reply_error(request, outcome.error());
    } else {
        const bool zeros = outcome->zeros && outcome->size <= kZeros.size();
        fuse_reply_buf(request, reinterpret_cast<const char*>((zeros ? kZeros : bytes).data()),
                       outcome->size);
    }
}

void read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
          fuse_file_info* info) {
    const FileSystem::Access access = access_of(request, node, offset, size, info);
    // read(2) comes with who may hold locks, a page fault with nobody (fuse_send_read).
    const bool fault = info->lock_owner == 0;
    begin(request, FilesAdapter::of(request).fs.read(access, fault),
          [request, access](const Result<std::uint64_t>& result) {
              if (result.ok()) {
                  reply_content(request, access);
              } else {
                  reply_error(request, result.error());
              }
          });
}

/// Who may not keep such bits loses them by a write (file_remove_privs).
void drop_privileges(fuse_req_t request, fuse_ino_t node) {
    if (fuse_req_ctx(request)->uid == 0) {
        return;
    }
    FileSystem& fs = FilesAdapter::of(request).fs;
    const auto status = fs.getattr(inode_of(node));
    if (!status.ok() || (status->st_mode & (S_ISUID | S_ISGID)) == 0) {
        return;
    }
    const mode_t gone = S_ISUID | ((status->st_mode & S_IXGRP) != 0 ? S_ISGID : 0U);
    (void)fs.setattr(inode_of(node), {.mode = status->st_mode & ~gone}, std::nullopt);
}

void write(fuse_req_t request, fuse_ino_t node, const char* text, std::size_t size, off_t offset,
           fuse_file_info* info) {
    drop_privileges(request, node);
    FileSystem::Access access = access_of(request, node, offset, size, info);
    access.append = (info->flags & O_APPEND) != 0 && info->writepage == 0;
    begin(request, FilesAdapter::of(request).fs.write(access, std::as_bytes(std::span(text, size))),
          [request](const Result<std::uint64_t>& written) {
              if (written.ok()) {
                  fuse_reply_write(request, *written);
              } else {
                  reply_error(request, written.error());
              }
          });
}

void lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* info) {
    const auto place =
        FilesAdapter::of(request).fs.seek(access_of(request, node, offset, 0, info), whence);
    if (place.ok()) {
        fuse_reply_lseek(request, static_cast<off_t>(*place));
    } else {
        reply_error(request, place.error());
    }
}

/// The reply of what gives nothing but success.
Reply reply_done(fuse_req_t request) {
    return [request](const Result<std::uint64_t>& result) {
        fuse_reply_err(request, result.ok() ? 0 : to_int(result.error()));
    };
}

void fallocate(fuse_req_t request, fuse_ino_t node, int mode, off_t offset, off_t size,
               fuse_file_info* info) {
    begin(request,
          FilesAdapter::of(request).fs.allocate(
              access_of(request, node, offset, static_cast<std::uint64_t>(size), info), mode),
          reply_done(request));
}

void fsync(fuse_req_t request, fuse_ino_t node, int data_only, fuse_file_info* info) {
    begin(request,
          FilesAdapter::of(request).fs.sync(access_of(request, node, 0, 0, info), data_only != 0),
          reply_done(request));
}

void fsyncdir(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) { fuse_reply_err(request, 0); }

}  // namespace

void add_files_data_ops(fuse_lowlevel_ops& ops) {
    ops.open = open;
    ops.release = release;
    ops.read = read;
    ops.write = write;
    ops.lseek = lseek;
    ops.fallocate = fallocate;
    ops.fsync = fsync;
    ops.fsyncdir = fsyncdir;
}

}  // namespace memcgfs::fuse
