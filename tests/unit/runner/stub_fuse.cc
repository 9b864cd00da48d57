// SPDX-License-Identifier: MIT
#include "stub_fuse.h"

#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace memcgfs::runner::test {
namespace {

void reply(int fuse, std::uint64_t unique, int error, const void* data, std::size_t size) {
    fuse_out_header header{};
    header.unique = unique;
    header.error = -error;
    header.len = static_cast<std::uint32_t>(sizeof header + size);
    const std::array<iovec, 2> parts{{{&header, sizeof header}, {const_cast<void*>(data), size}}};
    // A request that has been given up meanwhile is nobody's loss.
    static_cast<void>(writev(fuse, parts.data(), size > 0 ? 2 : 1) > 0);
}

void answer(int fuse, const fuse_in_header& request) {
    switch (request.opcode) {
        case FUSE_INIT: {
            fuse_init_out out{};
            out.major = FUSE_KERNEL_VERSION;
            out.minor = 31;
            out.max_write = 4096;
            reply(fuse, request.unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_GETATTR: {
            fuse_attr_out out{};
            out.attr.ino = 1;
            out.attr.mode = S_IFDIR | 0555;
            out.attr.nlink = 2;
            reply(fuse, request.unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_OPENDIR: {
            const fuse_open_out out{};
            reply(fuse, request.unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_READDIR:
        case FUSE_RELEASEDIR:
            reply(fuse, request.unique, 0, nullptr, 0);
            break;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
            break;
        case FUSE_LOOKUP:
            reply(fuse, request.unique, ENOENT, nullptr, 0);
            break;
        default:
            reply(fuse, request.unique, ENOSYS, nullptr, 0);
    }
}

}  // namespace

StubFuse::StubFuse(UniqueFd fuse, std::uint32_t deadly)
    : fuse_(std::move(fuse)), deadly_(deadly), thread_([this] { serve(); }) {}

StubFuse::~StubFuse() { thread_.join(); }

void StubFuse::serve() {
    std::vector<std::byte> buffer(FUSE_MIN_READ_BUFFER + 8192);
    for (;;) {
        const ssize_t length = read(fuse_.get(), buffer.data(), buffer.size());
        if (length < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) {
            continue;
        }
        fuse_in_header request{};
        if (length < static_cast<ssize_t>(sizeof request)) {
            return;
        }
        std::memcpy(&request, buffer.data(), sizeof request);
        if (deadly_ != 0 && request.opcode == deadly_) {
            kill(getpid(), SIGKILL);
        }
        answer(fuse_.get(), request);
    }
}

}  // namespace memcgfs::runner::test
