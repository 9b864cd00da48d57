// SPDX-License-Identifier: MIT
//
// Mount options of tmpfs, by the kernel's rules (shmem_parse_one, shmem_show_options; mm/shmem.c,
// 6.1). EINVAL for all that is wrong.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"

namespace memcgfs::files {

/// What a tmpfs may hold; 0: as much as there is room for.
struct TmpfsLimits {
    Pages blocks{};
    std::uint64_t inodes = 0;
    bool operator==(const TmpfsLimits&) const = default;
};

/// Half of the machine's memory, and as many files.
constexpr TmpfsLimits default_limits(Pages memory) { return {memory / 2, memory.count() / 2}; }

class TmpfsOptions {
public:
    /// `memory` is the machine's, for shares of it and the defaults.
    explicit TmpfsOptions(Pages memory) : memory_(memory) {}

    /// One option. What means nothing here (huge, mpol, inode64) is taken and forgotten, as are the
    /// words that are flags of any file system.
    Result<void> add(std::string_view key, std::optional<std::string_view> value);
    /// mount(2)'s list. A comma in front of a digit does not end an option: mpol has lists.
    Result<void> add_list(std::string_view list);

    const std::optional<Pages>& blocks() const { return blocks_; }
    const std::optional<std::uint64_t>& inodes() const { return inodes_; }
    /// Those of a new mount.
    TmpfsLimits limits() const;
    mode_t mode() const { return mode_.value_or(01777); }
    std::optional<uid_t> uid() const { return uid_; }
    std::optional<gid_t> gid() const { return gid_; }

private:
    Result<void> add_size(std::string_view value);

    const Pages memory_;
    std::optional<Pages> blocks_;
    std::optional<std::uint64_t> inodes_;
    std::optional<mode_t> mode_;
    std::optional<uid_t> uid_;
    std::optional<gid_t> gid_;
};

/// What a mount shows of itself.
struct TmpfsShown {
    TmpfsLimits limits;
    TmpfsLimits defaults;
    mode_t mode = 01777;
    uid_t uid = 0;
    gid_t gid = 0;
};

/// "rw,size=1024k,inode64": as behind the last hyphen of a line of mountinfo.
std::string shown_tmpfs_options(const TmpfsShown& shown);

}  // namespace memcgfs::files
