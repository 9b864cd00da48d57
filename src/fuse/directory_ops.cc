// SPDX-License-Identifier: MIT
//
// Requests on open directories, the control channel among them.
#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstring>
#include <vector>

#include "fuse/adapter.h"
#include "memcgfs/fuse/session.h"

namespace memcgfs::fuse {

namespace {

void opendir(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    Adapter& adapter = Adapter::of(request);
    if (const auto may = adapter.may(request, vfs::NodeId{node}, vfs::Access::kRead); !may.ok()) {
        reply_error(request, may.error());
        return;
    }
    // The kernel has checked the flags; of them O_DIRECT means nothing on a directory.
    auto directory = adapter.tree.open(vfs::NodeId{node}, O_RDONLY, credentials_of(request));
    if (!directory.ok()) {
        reply_error(request, directory.error());
        return;
    }
    info->fh = adapter.add_handle(std::move(directory).value());
    if (fuse_reply_open(request, info) == -ENOENT) {
        adapter.remove_handle(info->fh);  // interrupted: no release will come
    }
}

void releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    Adapter::of(request).remove_handle(info->fh);
    fuse_reply_err(request, 0);
}

void readdir(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* info) {
    constexpr std::size_t kSmallestEntry = 32;  // struct fuse_dirent and one byte, aligned
    const auto entries = Adapter::of(request).tree.readdir(
        directory_of(info), static_cast<std::uint64_t>(offset), size / kSmallestEntry);
    if (!entries.ok()) {
        reply_error(request, entries.error());
        return;
    }
    std::vector<char> buffer(size);
    std::size_t used = 0;
    for (const vfs::DirectoryEntry& entry : *entries) {
        struct stat status{};
        status.st_ino = entry.inode;
        status.st_mode = entry.type;
        const std::size_t length =
            fuse_add_direntry(request, buffer.data() + used, size - used, entry.name.c_str(),
                              &status, static_cast<off_t>(entry.next_offset));
        if (length > size - used) {
            break;
        }
        used += length;
    }
    fuse_reply_buf(request, buffer.data(), used);
}

void fsyncdir(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
    reply_error(request, Errno::kEINVAL);
}

bool is_control(unsigned command, unsigned flags) {
    return (flags & FUSE_IOCTL_DIR) != 0 && (flags & FUSE_IOCTL_UNRESTRICTED) == 0 &&
           _IOC_TYPE(command) == kControlIoctlType && _IOC_NR(command) == kControlIoctlNumber &&
           _IOC_DIR(command) == (_IOC_READ | _IOC_WRITE);
}

void ioctl(fuse_req_t request, fuse_ino_t, unsigned command, void*, fuse_file_info* info,
           unsigned flags, const void* input, std::size_t input_size, std::size_t output_size) {
    if (!is_control(command, flags) || input_size != output_size) {
        reply_error(request, Errno::kENOTTY);
        return;
    }
    // Shared with the answer: the operation writes into it until its end.
    const auto message = std::make_shared<std::vector<std::byte>>(input_size);
    if (input_size != 0) {
        std::memcpy(message->data(), input, input_size);
    }
    Adapter& adapter = Adapter::of(request);
    auto outcome = adapter.tree.control(directory_of(info), *message, credentials_of(request));
    if (!outcome.ok()) {
        reply_error(request, outcome.error());
        return;
    }
    const auto reply = [request, message](const OperationResult& result) {
        if (result.ok()) {
            fuse_reply_ioctl(request, 0, message->data(), message->size());
        } else {
            reply_error(request, result.error());
        }
    };
    if (outcome->operation == nullptr) {
        reply(OperationResult{0});
    } else {
        adapter.pending.start(request, std::move(outcome->operation), reply);
    }
}

}  // namespace

void add_directory_ops(fuse_lowlevel_ops& ops) {
    ops.opendir = opendir;
    ops.releasedir = releasedir;
    ops.readdir = readdir;
    ops.fsyncdir = fsyncdir;
    ops.ioctl = ioctl;
}

}  // namespace memcgfs::fuse
