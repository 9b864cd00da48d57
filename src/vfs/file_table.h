// SPDX-License-Identifier: MIT
//
// The files that a directory has, indexed; one table serves all directories with the same files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "memcgfs/vfs/provider.h"

namespace memcgfs::vfs {

/// Immutable once made.
struct FileTable {
    explicit FileTable(std::span<const FileInfo> infos);

    struct Named {
        std::uint32_t hash = 0;
        std::uint16_t position = 0;  ///< in files
    };

    std::vector<FileInfo> files;  ///< in creation order
    std::vector<Named> by_name;   ///< in directory order: hash, then bytes of the name

    const FileInfo* find(std::string_view name) const;
    std::optional<std::size_t> position_of(FileIndex index) const;
    /// The first of by_name that is not before (hash, name).
    std::vector<Named>::const_iterator lower_bound(std::uint32_t hash, std::string_view name) const;

private:
    std::vector<std::uint16_t> by_index_;  // positions, by rising FileIndex
};

/// Gives equal lists the same table. Not thread safe: under the tree lock.
class FileTableCache {
public:
    std::shared_ptr<const FileTable> intern(std::span<const FileInfo> infos);

private:
    std::vector<std::shared_ptr<const FileTable>> tables_;
};

}  // namespace memcgfs::vfs
