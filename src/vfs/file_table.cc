// SPDX-License-Identifier: MIT
#include "vfs/file_table.h"

#include <algorithm>
#include <tuple>

#include "memcgfs/base/assert.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::vfs {

namespace {

bool same(const FileInfo& a, const FileInfo& b) {
    const auto key = [](const FileInfo& info) {
        return std::tie(info.index, info.mode, info.readable, info.writable, info.line_list,
                        info.notify, info.write_max_bytes, info.permanent, info.told,
                        info.at_start_only, info.name);
    };
    return key(a) == key(b);
}

}  // namespace

FileTable::FileTable(std::span<const FileInfo> infos) : files(infos.begin(), infos.end()) {
    MEMCGFS_ASSERT(files.size() < UINT16_MAX);
    for (std::size_t i = 0; i < files.size(); i++) {
        by_name.push_back({name_hash(files[i].name), static_cast<std::uint16_t>(i)});
        by_index_.push_back(static_cast<std::uint16_t>(i));
    }
    std::sort(by_name.begin(), by_name.end(), [this](const Named& a, const Named& b) {
        return std::tie(a.hash, files[a.position].name) < std::tie(b.hash, files[b.position].name);
    });
    std::sort(by_index_.begin(), by_index_.end(),
              [this](std::uint16_t a, std::uint16_t b) { return files[a].index < files[b].index; });
    for (std::size_t i = 1; i < files.size(); i++) {
        MEMCGFS_ASSERT(files[by_index_[i - 1]].index != files[by_index_[i]].index);
        MEMCGFS_ASSERT(files[by_name[i - 1].position].name != files[by_name[i].position].name);
    }
}

std::vector<FileTable::Named>::const_iterator FileTable::lower_bound(std::uint32_t hash,
                                                                     std::string_view name) const {
    return std::lower_bound(
        by_name.begin(), by_name.end(), hash, [&](const Named& entry, std::uint32_t wanted) {
            return std::tie(entry.hash, files[entry.position].name) < std::tie(wanted, name);
        });
}

const FileInfo* FileTable::find(std::string_view name) const {
    const auto found = lower_bound(name_hash(name), name);
    if (found == by_name.end() || files[found->position].name != name) {
        return nullptr;
    }
    return &files[found->position];
}

std::optional<std::size_t> FileTable::position_of(FileIndex index) const {
    const auto found = std::lower_bound(by_index_.begin(), by_index_.end(), index,
                                        [this](std::uint16_t position, FileIndex wanted) {
                                            return files[position].index < wanted;
                                        });
    if (found == by_index_.end() || files[*found].index != index) {
        return std::nullopt;
    }
    return *found;
}

std::shared_ptr<const FileTable> FileTableCache::intern(std::span<const FileInfo> infos) {
    constexpr std::size_t kManyTables = 64;
    for (const auto& table : tables_) {
        if (std::equal(infos.begin(), infos.end(), table->files.begin(), table->files.end(),
                       same)) {
            return table;
        }
    }
    if (tables_.size() >= kManyTables) {
        std::erase_if(tables_, [](const auto& table) { return table.use_count() == 1; });
    }
    tables_.push_back(std::make_shared<const FileTable>(infos));
    return tables_.back();
}

}  // namespace memcgfs::vfs
