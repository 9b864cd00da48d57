// SPDX-License-Identifier: MIT
//
// Requests on open files.
#include "fuse/adapter.h"

namespace memcgfs::fuse {

namespace {

void open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    auto file = adapter.tree.open(vfs::NodeId{node}, info->flags, credentials_of(request));
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

void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* info) {
    const auto content = Adapter::of(request).tree.read(
        file_of(info), static_cast<std::uint64_t>(offset), size, credentials_of(request));
    if (content.ok()) {
        fuse_reply_buf(request, content->data(), content->size());
    } else {
        reply_error(request, content.error());
    }
}

void write(fuse_req_t request, fuse_ino_t, const char* text, std::size_t size, off_t,
           fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    auto outcome =
        adapter.tree.write(file_of(info), std::string_view(text, size), credentials_of(request));
    if (!outcome.ok()) {
        reply_error(request, outcome.error());
        return;
    }
    if (outcome->operation == nullptr) {
        fuse_reply_write(request, size);
        return;
    }
    adapter.pending.start(request, std::move(outcome->operation),
                          [request, size](const OperationResult& result) {
                              if (result.ok()) {
                                  fuse_reply_write(request, size);
                              } else {
                                  reply_error(request, result.error());
                              }
                          });
}

void poll(fuse_req_t request, fuse_ino_t, fuse_file_info* info, fuse_pollhandle* handle) {
    Adapter& adapter = Adapter::of(request);
    std::function<void()> changed;
    if (handle != nullptr) {
        changed = [gate = adapter.polls,
                   owner = std::shared_ptr<fuse_pollhandle>(handle, fuse_pollhandle_destroy)] {
            gate->notify(owner.get());
        };
    }
    const short events = adapter.tree.poll(file_of(info), std::move(changed));
    fuse_reply_poll(request, static_cast<unsigned>(events));
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
    ops.fsync = fsync;
    ops.fallocate = fallocate;
}

}  // namespace memcgfs::fuse
