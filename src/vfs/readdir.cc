// SPDX-License-Identifier: MIT
//
// Directory order: files and child directories in one ascending sequence of (hash, name).
#include "memcgfs/base/assert.h"
#include "vfs/state.h"

namespace memcgfs::vfs {

namespace {

constexpr std::uint64_t kEnd = 0x7fffffff;
constexpr std::uint64_t kFirstEntry = 2;
constexpr unsigned kTieShift = 32;

/// Walks the two ordered indexes of a directory as one.
class Cursor {
public:
    Cursor(const Directory& directory, std::uint32_t hash)
        : table_(directory.listing.get()),
          child_(directory.children.lower_bound(ChildKey{hash, std::string()})),
          child_end_(directory.children.end()) {
        if (table_ != nullptr) {
            file_ = table_->lower_bound(hash, {});
        }
    }

    bool at_end() const { return !has_file() && child_ == child_end_; }
    std::uint32_t hash() const { return at_file() ? file_->hash : child_->first.first; }
    const Directory* child() const { return at_file() ? nullptr : child_->second; }
    const FileInfo& file() const { return table_->files[file_->position]; }
    void advance() {
        if (at_file()) {
            ++file_;
        } else {
            ++child_;
        }
    }

private:
    bool has_file() const { return table_ != nullptr && file_ != table_->by_name.end(); }
    bool at_file() const {
        if (!has_file() || child_ == child_end_) {
            return has_file();
        }
        return std::pair<std::uint32_t, std::string_view>(file_->hash, file().name) <
               std::pair<std::uint32_t, std::string_view>(child_->first.first,
                                                          child_->first.second);
    }

    const FileTable* table_;
    std::vector<FileTable::Named>::const_iterator file_;
    std::map<ChildKey, Directory*>::const_iterator child_;
    std::map<ChildKey, Directory*>::const_iterator child_end_;
};

/// The position of what the cursor is at; `ties` names of the same hash are before it.
std::uint64_t offset_of(const Cursor& cursor, std::uint64_t ties) {
    return cursor.at_end() ? kEnd : cursor.hash() | ties << kTieShift;
}

}  // namespace

Result<std::vector<DirectoryEntry>> Tree::readdir(OpenFile& open_file, std::uint64_t offset,
                                                  std::size_t max_entries) {
    OpenFile::State& file = *open_file.state_;
    if (file.info) {
        return Err(Errno::kENOTDIR);
    }
    MutexLock lock(state_->mutex);
    Directory& directory = *file.node.directory;
    if (directory.removed) {
        return Err(Errno::kENOENT);
    }
    if (state_->refresh_files(directory)) {
        state_->collect(directory);
    }
    std::vector<DirectoryEntry> entries;
    std::uint64_t ties = offset >> kTieShift;
    Cursor cursor(directory, static_cast<std::uint32_t>(offset));
    for (std::uint64_t i = 0;
         i < ties && !cursor.at_end() && cursor.hash() == static_cast<std::uint32_t>(offset); i++) {
        cursor.advance();
    }
    if (offset == 0 && entries.size() < max_entries) {
        entries.push_back({".", directory.inode, S_IFDIR, 1});
    }
    if (offset < kFirstEntry && entries.size() < max_entries) {
        const Directory* parent = directory.parent != nullptr ? directory.parent : &directory;
        entries.push_back({"..", parent->inode, S_IFDIR, offset_of(cursor, 0)});
    }
    while (!cursor.at_end() && entries.size() < max_entries) {
        DirectoryEntry entry;
        if (const Directory* child = cursor.child(); child != nullptr) {
            entry.name = child->name;
            entry.inode = child->inode;
            entry.type = child->link_target.empty() ? S_IFDIR : S_IFLNK;
        } else {
            entry.name = cursor.file().name;
            entry.inode = state_->inode_of(state_->live_file(directory, cursor.file().index));
            entry.type = S_IFREG;
        }
        const std::uint32_t hash = cursor.hash();
        cursor.advance();
        ties = !cursor.at_end() && cursor.hash() == hash ? ties + 1 : 0;
        entry.next_offset = offset_of(cursor, ties);
        entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace memcgfs::vfs
