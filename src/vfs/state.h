// SPDX-License-Identifier: MIT
//
// What a Tree consists of: directories, the batches of files in them, and the index of numbers.
//
// A node number is a serial and a low half. The low half 1 is the directory that owns the serial;
// 2 + FileIndex is a file of the batch that owns it. A directory's first batch shares its serial;
// files that come later (subtree_control) make a batch with a serial of its own, so that a file
// that went and came back is another node with another inode number.
//
// Invariants: a directory that is not removed is in its parent's `children` under its hash and
// name; each live file of `listing` is in exactly one batch, not marked gone; a removed directory
// exists exactly as long as it or one of its batches is in use.
//
// Locks: everything here is guarded by State::mutex (LockRank::kTree), except what OpenFile::State
// says of itself.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/vfs/tree.h"
#include "vfs/file_table.h"

namespace memcgfs::vfs {

struct Ownership {
    mode_t mode = 0;  ///< without the type bits
    uid_t uid = 0;
    gid_t gid = 0;
    timespec accessed{};
    timespec modified{};
    timespec changed{};
};

/// What someone has stored on a node; a node has none until then.
struct Extra {
    std::optional<Ownership> ownership;  ///< files only: a directory's is in its record
    std::map<std::string, std::string, std::less<>> xattrs;
    std::size_t user_xattr_count = 0;
    std::size_t user_xattr_bytes = 0;
};

/// Files that came into a directory together.
struct FileBatch {
    std::uint64_t serial = 0;
    std::uint64_t first_inode = 0;
    std::uint64_t version = 0;  ///< of the directory's files, when the batch was made
    std::shared_ptr<const FileTable> table;
    std::vector<bool> gone;  ///< by position; empty while all are there
    std::uint64_t uses = 0;  ///< open files and holds
    std::map<std::size_t, std::uint64_t> opens;  ///< of these, the open files, by position
    /// Files that announce changes and have been looked up.
    std::vector<FileIndex> watchable;

    bool is_gone(std::size_t position) const { return !gone.empty() && gone[position]; }
};

/// The numbers of one hierarchy.
struct Hierarchy {
    std::uint64_t next_inode = 1;
};

/// Directory order.
using ChildKey = std::pair<std::uint32_t, std::string>;

struct Directory {
    std::uint64_t serial = 0;
    std::uint64_t inode = 0;
    DirKey key{};
    Directory* parent = nullptr;  ///< nullptr for the tree's root; kept after a removal
    std::string name;
    Hierarchy* hierarchy = nullptr;  ///< nullptr for a layout directory
    bool hierarchy_root = false;
    std::string link_target;  ///< a symbolic link of the layout directory; else empty
    bool removed = false;
    bool ever_looked_up = false;
    bool files_looked_up = false;
    bool has_first_batch = false;
    /// Someone did chmod, chown, utimes or an xattr call: only then do the times move on.
    bool has_stored_attributes = false;
    Ownership ownership;
    /// What the files of the directory have until changed; mode is the table's.
    Ownership file_ownership;
    std::map<ChildKey, Directory*> children;
    std::shared_ptr<const FileTable> listing;  ///< nullptr for a layout directory
    std::uint64_t files_version = 0;
    std::vector<std::unique_ptr<FileBatch>> batches;
    std::map<NodeId, Extra> extras;
    std::uint64_t uses = 0;  ///< open directories, holds, and removed children's parent pointers
};

/// A node, found. `batch` is nullptr for the directory itself.
struct NodeRef {
    Directory* directory = nullptr;
    FileBatch* batch = nullptr;
    std::size_t position = 0;

    const FileInfo& info() const { return batch->table->files[position]; }
    NodeId id() const;
    std::uint64_t& uses() const { return batch != nullptr ? batch->uses : directory->uses; }
};

struct OpenFile::State {
    Tree::State* tree = nullptr;
    NodeRef node;  ///< its record stays while this is open
    OpenId id{};
    DirKey dir{};
    std::optional<FileInfo> info;  ///< empty: a directory
    Credentials opener;
    bool appends = false;  ///< O_APPEND

    /// Guards what follows up to the next comment, and makes reads and writes take turns.
    Mutex mutex{LockRank::kOpenFile};
    std::string snapshot MEMCGFS_GUARDED_BY(mutex);
    /// Where in the file the snapshot's first byte is, and where the last served read ended.
    std::uint64_t snapshot_start MEMCGFS_GUARDED_BY(mutex) = 0;
    std::uint64_t served_end MEMCGFS_GUARDED_BY(mutex) = 0;
    std::unique_ptr<OpenState> provider_state MEMCGFS_GUARDED_BY(mutex);

    // Guarded by the tree's lock.
    bool change_unseen = true;
    bool armed = false;  ///< Notify::kTriggered: has been written to
    bool fired = false;
    std::function<void()> changed;
};

struct Tree::State {
    State(Provider& the_provider, WallClock clock, Options the_options)
        : provider(the_provider), wall_clock(std::move(clock)), options(the_options) {}

    Provider& provider;
    const WallClock wall_clock;
    const Options options;

    Mutex mutex{LockRank::kTree};
    std::uint64_t next_serial MEMCGFS_GUARDED_BY(mutex) = 0;
    std::vector<std::unique_ptr<Hierarchy>> hierarchies MEMCGFS_GUARDED_BY(mutex);
    std::unordered_map<std::uint64_t, std::unique_ptr<Directory>> directories
        MEMCGFS_GUARDED_BY(mutex);
    /// Directories that are not removed and have a watchable file, by the provider's name.
    std::unordered_map<DirKey, Directory*> by_key MEMCGFS_GUARDED_BY(mutex);
    /// Serials of batches that are not a directory's first.
    std::unordered_map<std::uint64_t, Directory*> batch_owners MEMCGFS_GUARDED_BY(mutex);
    FileTableCache tables MEMCGFS_GUARDED_BY(mutex);
    /// Open files whose file announces changes.
    std::multimap<std::pair<DirKey, FileIndex>, OpenFile::State*> watched MEMCGFS_GUARDED_BY(mutex);
    /// Open files that are woken one by one.
    std::unordered_map<OpenId, OpenFile::State*> triggered MEMCGFS_GUARDED_BY(mutex);
    std::uint64_t next_open MEMCGFS_GUARDED_BY(mutex) = 1;

    // directory.cc
    struct NewDirectory {
        Directory* parent = nullptr;
        std::string_view name;
        DirKey key{};
        Hierarchy* hierarchy = nullptr;
        Ownership ownership;
    };
    Directory& make_directory(const NewDirectory& wanted) MEMCGFS_REQUIRES(mutex);
    void remove_directory(Directory& directory) MEMCGFS_REQUIRES(mutex);
    /// Frees what is no longer in use.
    void collect(Directory& directory) MEMCGFS_REQUIRES(mutex);
    /// Brings batches and listing up to the provider's word; true if it had changed. Frees
    /// nothing, so that a NodeRef stays good.
    bool refresh_files(Directory& directory) MEMCGFS_REQUIRES(mutex);
    /// Puts the files of `listing` that are not `known` (by position) into a new batch.
    void make_batch(Directory& directory, const std::vector<bool>& known) MEMCGFS_REQUIRES(mutex);
    std::optional<NodeRef> find(NodeId node) MEMCGFS_REQUIRES(mutex);
    /// The directory, for calls that change or search it: ENOENT once removed, else ENOTDIR.
    Result<Directory*> find_directory(NodeId node) MEMCGFS_REQUIRES(mutex);
    std::optional<NodeRef> find_child(Directory& directory, std::string_view name)
        MEMCGFS_REQUIRES(mutex);
    /// The directory `name`, if it is one that may be asked to go.
    Result<Directory*> removable(NodeId parent, std::string_view name) MEMCGFS_REQUIRES(mutex);
    NodeRef live_file(Directory& directory, FileIndex index) MEMCGFS_REQUIRES(mutex);
    bool is_dead(const NodeRef& node) MEMCGFS_REQUIRES(mutex);

    // open_file.cc
    void close(OpenFile::State& file) MEMCGFS_EXCLUDES(mutex);
    Result<void> make_snapshot(OpenFile::State& file, const Credentials& caller)
        MEMCGFS_REQUIRES(file.mutex) MEMCGFS_EXCLUDES(mutex);

    // attributes.cc
    Attributes attributes_of(const NodeRef& node) MEMCGFS_REQUIRES(mutex);
    Ownership& ownership_to_change(const NodeRef& node) MEMCGFS_REQUIRES(mutex);
    std::uint64_t inode_of(const NodeRef& node) const;
    /// A directory was made in, or removed from `directory`.
    void entries_changed(Directory& directory) MEMCGFS_REQUIRES(mutex);
};

}  // namespace memcgfs::vfs
