// SPDX-License-Identifier: MIT
//
// What the request handlers of a tmpfs share. They are plain functions in files_name_ops.cc and
// files_data_ops.cc, one for each FUSE request; they translate and decide nothing.
#pragma once

#include <fuse_lowlevel.h>

#include <functional>

#include "fuse/pending.h"
#include "memcgfs/files/charged_tmpfs.h"

namespace memcgfs::fuse {

struct FilesAdapter {
    FilesAdapter(files::ChargedTmpfs& the_fs, OperationRunner& runner, PendingRequests::Ends ends)
        : fs(the_fs), pending(runner, std::move(ends)) {}

    static FilesAdapter& of(fuse_req_t request) {
        return *static_cast<FilesAdapter*>(fuse_req_userdata(request));
    }

    files::ChargedTmpfs& fs;
    PendingRequests pending;
};

/// Everything changes through the mount alone.
inline constexpr double kForeverSeconds = 1e9;

inline files::InodeId inode_of(fuse_ino_t node) { return files::InodeId{node}; }

/// Answers with a name's inode, which the kernel holds from then on.
void reply_inode(fuse_req_t request, const Result<files::InodeId>& inode);

void add_files_name_ops(fuse_lowlevel_ops& ops);
void add_files_data_ops(fuse_lowlevel_ops& ops);

/// The name of a file made by O_TMPFILE in a request that is otherwise create's.
inline constexpr const char* kNoName = "/";

}  // namespace memcgfs::fuse
