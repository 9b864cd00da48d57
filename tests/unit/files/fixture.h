// SPDX-License-Identifier: MIT
//
// A tmpfs of small limits, whose clock moves on by a second at each look.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "memcgfs/files/tmpfs.h"

namespace memcgfs::files::testing {

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

template <class T>
int error_of(const Result<T>& result) {
    return result.ok() ? 0 : to_int(result.error());
}

struct Fixture {
    explicit Fixture(TmpfsLimits limits = {}, Pages memory = Pages{16})
        : bank({.memory = memory, .directory = "/tmp"}),
          fs(bank, {.limits = limits, .now = [this] { return timespec{++seconds, 0}; }}) {}

    InodeId make(std::string_view name, mode_t mode = S_IFREG | 0644,
                 InodeId directory = kRootInode) {
        return fs.make({directory, name}, {.mode = mode}).value();
    }
    InodeId directory(std::string_view name, InodeId in = kRootInode) {
        return make(name, S_IFDIR | 0755, in);
    }
    struct stat stat(InodeId inode) { return fs.getattr(inode).value(); }
    /// As write(2) does, short when there is no room.
    Result<std::uint64_t> write(InodeId inode, std::uint64_t offset, std::string_view text) {
        const PageRun range = pages_of(offset, text.size());
        MEMCGFS_TRY(fs.allocate(inode, range));
        const std::uint64_t end = (range.first + fs.present(inode, range)) * kPageSize;
        return fs.write(inode, offset, bytes_of(text.substr(0, end - offset)));
    }
    std::string read(InodeId inode, std::uint64_t offset, std::size_t size) {
        std::string text(size, 'x');
        const auto outcome =
            fs.read(inode, offset, std::as_writable_bytes(std::span(text))).value();
        if (outcome.zeros) {
            text.assign(text.size(), '\0');
        }
        text.resize(outcome.size);
        return text;
    }
    std::string names(InodeId in = kRootInode) {
        std::string text;
        for (const Tmpfs::Entry& entry : fs.list(in, 0, 1000)) {
            text += entry.name + " ";
        }
        return text;
    }

    time_t seconds = 0;
    PageBank bank;
    Tmpfs fs;
};

}  // namespace memcgfs::files::testing
