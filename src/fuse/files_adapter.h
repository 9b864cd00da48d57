// SPDX-License-Identifier: MIT
//
// What the request handlers of file systems with files share. They are plain functions in
// files_name_ops.cc and files_data_ops.cc, one for each FUSE request; they translate and decide
// nothing.
#pragma once

#include <fuse_lowlevel.h>

#include <functional>

#include "fuse/pending.h"
#include "memcgfs/files/file_system.h"

namespace memcgfs::fuse {

struct FilesAdapter {
    FilesAdapter(files::FileSystem& the_fs, OperationRunner& runner, PendingRequests::Ends ends)
        : fs(the_fs), pending(runner, std::move(ends)) {}

    static FilesAdapter& of(fuse_req_t request) {
        return *static_cast<FilesAdapter*>(fuse_req_userdata(request));
    }

    files::FileSystem& fs;
    PendingRequests pending;
};

/// What the file system keeps for so long is known to change through the mount alone.
inline constexpr double kForEver = 1e9;

inline files::InodeId inode_of(fuse_ino_t node) { return files::InodeId{node}; }

/// How a file is open: all reads and writes come here, and pages of the kernel are for mappings
/// alone. `keeps`: they may stay when the file is opened anew.
inline void set_open(fuse_file_info& info, files::Handle handle, bool keeps) {
    info.fh = handle;
    info.direct_io = 1;
    info.keep_cache = keeps ? 1 : 0;
    info.noflush = 1;
}

void add_files_name_ops(fuse_lowlevel_ops& ops);
void add_files_data_ops(fuse_lowlevel_ops& ops);

/// The name of a file made by O_TMPFILE in a request that is otherwise create's.
inline constexpr const char* kNoName = "/";

}  // namespace memcgfs::fuse
