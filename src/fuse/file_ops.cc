// SPDX-License-Identifier: MIT
//
// Requests on open files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fuse/adapter.h"

namespace memcgfs::fuse {

namespace {

/// What open(2) with these flags asks for (build_open_flags, 6.1).
vfs::Access access_of(int flags) {
    constexpr int kExecutes = 040;  // FMODE_EXEC: it is execve(2) that opens
    using vfs::Access;
    if ((flags & kExecutes) != 0) {
        return Access::kExecute;
    }
    const Access truncates = (flags & O_TRUNC) != 0 ? Access::kWrite : Access::kNone;
    switch (flags & O_ACCMODE) {
        case O_RDONLY:
            return Access::kRead | truncates;
        case O_WRONLY:
            return Access::kWrite;
        default:
            return Access::kRead | Access::kWrite;
    }
}

Result<std::unique_ptr<vfs::OpenFile>> open_checked(fuse_req_t request, vfs::NodeId node,
                                                    int flags) {
    Adapter& adapter = Adapter::of(request);
    MEMCGFS_TRY(adapter.may(request, node, access_of(flags)));
    return adapter.tree.open(node, flags, credentials_of(request));
}

void open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    if (adapter.fast != nullptr) {
        reply_error(request, Errno::kENOSYS);  // none is needed, now and later
        return;
    }
    auto file = open_checked(request, vfs::NodeId{node}, info->flags);
    // A file that has gone is there under its old name for none but those who have it open.
    const bool by_old_name = !file.ok() && file.error() == Errno::kENODEV;
    if (by_old_name && adapter.send_back(request, vfs::NodeId{node})) {
        reply_error(request, Errno::kESTALE);
        return;
    }
    if (!file.ok()) {
        reply_error(request, file.error());
        return;
    }
    info->direct_io = 1;
    info->noflush = 1;
    info->fh = adapter.add_handle(std::move(file).value());
    if (fuse_reply_open(request, info) == -ENOENT) {
        adapter.remove_handle(info->fh);  // interrupted: no release will come
    }
}

void release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    Adapter::of(request).remove_handle(info->fh);
    fuse_reply_err(request, 0);
}

/// A page for the kernel to keep.
void read_fast(fuse_req_t request, fuse_ino_t node, std::size_t size, std::size_t offset) {
    const auto content = Adapter::of(request).fast->content(node, credentials_of(request));
    if (content.ok()) {
        const std::string_view part = content->substr(std::min(offset, content->size()), size);
        fuse_reply_buf(request, part.data(), part.size());
    } else {
        reply_error(request, content.error());
    }
}

void read_record(fuse_req_t request, vfs::OpenFile& file, const vfs::RecordRead& read) {
    Adapter& adapter = Adapter::of(request);
    auto outcome = adapter.tree.read_record(file, read, credentials_of(request));
    if (!outcome.ok()) {
        reply_error(request, outcome.error());
        return;
    }
    if (outcome->operation == nullptr) {
        fuse_reply_buf(request, read.record->data(), read.record->size());
        return;
    }
    adapter.pending.start(request, std::move(outcome->operation),
                          [request, record = read.record](const OperationResult& result) {
                              if (result.ok()) {
                                  fuse_reply_buf(request, record->data(), record->size());
                              } else {
                                  reply_error(request, result.error());
                              }
                          });
}

void read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
          fuse_file_info* info) {
    if (FastNodes::is_one(node)) {
        read_fast(request, node, size, static_cast<std::size_t>(offset));
        return;
    }
    vfs::OpenFile& file = Adapter::of(request).file_of(node, info);
    if (Adapter::of(request).tree.has_records(file)) {
        read_record(request, file,
                    {.offset = static_cast<std::uint64_t>(offset),
                     .size = size,
                     .may_wait = (info->flags & O_NONBLOCK) == 0,
                     .record = std::make_shared<std::string>()});
        return;
    }
    const auto content = Adapter::of(request).tree.read(file, static_cast<std::uint64_t>(offset),
                                                        size, credentials_of(request));
    if (content.ok()) {
        fuse_reply_buf(request, content->data(), content->size());
    } else {
        reply_error(request, content.error());
    }
}

struct TextToWrite {
    std::string_view text;
    std::uint64_t offset = 0;
    std::size_t size = 0;  ///< what the request brought: of a text in parts, the last
};

void write_text(fuse_req_t request, vfs::OpenFile& file, const TextToWrite& whole) {
    Adapter& adapter = Adapter::of(request);
    auto outcome = adapter.tree.write(file, whole.text, credentials_of(request), whole.offset);
    if (!outcome.ok()) {
        reply_error(request, outcome.error());
        return;
    }
    const std::size_t size = whole.size - std::min(whole.size, outcome->unread_bytes);
    if (outcome->operation == nullptr) {
        adapter.answer([request, size] { fuse_reply_write(request, size); });
        return;
    }
    adapter.pending.start(
        request, std::move(outcome->operation),
        [request, size, &adapter](const OperationResult& result) {
            if (result.ok()) {
                adapter.answer([request, size] { fuse_reply_write(request, size); });
            } else {
                reply_error(request, result.error());
            }
        });
}

void write(fuse_req_t request, fuse_ino_t node, const char* text, std::size_t size, off_t offset,
           fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    vfs::OpenFile& file = adapter.file_of(node, info);
    const std::string_view part(text, size);
    if (!FastNodes::is_one(node)) {
        write_text(request, file, {part, static_cast<std::uint64_t>(offset), size});
        return;
    }
    const auto whole = adapter.fast->whole_write(node, static_cast<std::uint64_t>(offset), part,
                                                 credentials_of(request));
    if (whole) {
        write_text(request, file, {*whole, 0, size});
    } else {
        fuse_reply_write(request, size);
    }
}

void poll(fuse_req_t request, fuse_ino_t node, fuse_file_info* info, fuse_pollhandle* handle) {
    Adapter& adapter = Adapter::of(request);
    std::function<void()> changed;
    if (handle != nullptr) {
        changed = [gate = adapter.polls,
                   owner = std::shared_ptr<fuse_pollhandle>(handle, fuse_pollhandle_destroy)] {
            gate->notify(owner.get());
        };
    }
    const short events = adapter.tree.poll(adapter.file_of(node, info), std::move(changed));
    fuse_reply_poll(request, static_cast<unsigned>(events));
}

/// Only SEEK_DATA and SEEK_HOLE come here; what has no size has neither.
void lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    if (adapter.fast != nullptr) {
        reply_error(request, Errno::kENOSYS);  // the kernel knows the sizes
        return;
    }
    vfs::OpenFile& file = adapter.file_of(node, info);
    if (!adapter.tree.has_records(file) || whence != SEEK_DATA || offset != 0) {
        reply_error(request, Errno{ENXIO});
        return;
    }
    adapter.tree.seek_record(file, vfs::RecordPlace::kData, credentials_of(request));
    fuse_reply_lseek(request, 0);
}

void fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) { fuse_reply_err(request, 0); }

void fallocate(fuse_req_t request, fuse_ino_t, int, off_t, off_t, fuse_file_info*) {
    reply_error(request, Errno::kEOPNOTSUPP);
}

}  // namespace

void add_file_ops(fuse_lowlevel_ops& ops) {
    ops.open = open;
    ops.release = release;
    ops.read = read;
    ops.write = write;
    ops.poll = poll;
    ops.lseek = lseek;
    ops.fsync = fsync;
    ops.fallocate = fallocate;
}

}  // namespace memcgfs::fuse
