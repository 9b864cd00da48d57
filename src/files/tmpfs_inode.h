// SPDX-License-Identifier: MIT
//
// What a tmpfs keeps of one file.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "memcgfs/files/tmpfs.h"

namespace memcgfs::files {

/// What tmpfs says of the room a directory entry takes (BOGO_DIRENT_SIZE).
inline constexpr std::uint64_t kEntryBytes = 20;
inline constexpr std::uint64_t kFileSizeMax = INT64_MAX;

struct Tmpfs::Directory {
    struct Place {
        InodeId inode{};
        std::uint64_t cookie = 0;
    };
    InodeId parent{};
    std::map<std::string, Place, std::less<>> names;
    std::map<std::uint64_t, const std::string*> by_cookie;  ///< the keys of `names`
};

struct Tmpfs::Inode {
    Inode(InodeId number, PageBank& bank) : id(number), data(bank) {}

    bool is_directory() const { return S_ISDIR(mode); }

    const InodeId id;
    mode_t mode = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    dev_t device = 0;
    std::uint64_t links = 0;
    std::uint64_t size = 0;
    timespec accessed{};
    timespec modified{};
    timespec changed{};
    std::string target;  ///< of a symbolic link
    FileData data;
    std::unique_ptr<Directory> entries;  ///< of a directory
    std::map<std::string, std::string, std::less<>> xattrs;
    std::uint64_t held = 0;  ///< by the kernel's inode cache
    std::uint64_t opens = 0;
};

}  // namespace memcgfs::files
