// SPDX-License-Identifier: MIT
//
// The generic pseudo file system: names, numbers, attributes, open files and snapshot reads.
//
// Counterpart: fs/kernfs (6.1). Everything that is the same for each file lives here, once:
// content is made whole at the first read and again when reading restarts at 0; ENODEV after the
// directory has gone; write length limits; directory order by name hash; size 0.
//
// Node numbers: a directory is a record of its own, a file is (directory, index in the
// provider's table) and costs no memory until an attribute of it is changed. Numbers are never
// used twice, so a late request on a removed directory is recognised. A removed directory keeps
// its record while it is open or held (hold()).
//
// Threads: all methods may be called by any thread. One lock (LockRank::kTree) guards the tree;
// it is not held while a returned operation runs.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/vfs/open_file.h"
#include "memcgfs/vfs/provider.h"

namespace memcgfs::vfs {

/// Names a node for the life of the tree. 1 is the root (as FUSE wants it).
enum class NodeId : std::uint64_t {};
inline constexpr NodeId kRootNode{1};

/// The kernel's directory order: 31-bit hash of a name (kernfs_name_hash, 6.1).
std::uint32_t name_hash(std::string_view name);

inline constexpr std::uint64_t kLayoutInode = 0x7fffffff;

struct Attributes {
    NodeId node{};
    /// st_ino: one counter per hierarchy, its root is 1. A layout directory's is kLayoutInode, so
    /// that no directory has its ancestor's number.
    std::uint64_t inode = 0;
    mode_t mode = 0;  ///< with the type bits
    nlink_t links = 1;
    uid_t uid = 0;
    gid_t gid = 0;
    timespec accessed{};
    timespec modified{};
    timespec changed{};
    bool permanent = true;  ///< the name lasts until someone removes it through the tree
    bool told = false;      ///< FileInfo::told
    bool gone = false;      ///< removed, or a file of a directory that is
    DirKey dir{};           ///< the directory, or that of the file
};

/// chmod, chown and utimensat in one; what is not set stays.
struct AttributeChange {
    std::optional<mode_t> mode{};
    std::optional<uid_t> uid{};
    std::optional<gid_t> gid{};
    std::optional<timespec> accessed{};
    std::optional<timespec> modified{};
};

struct DirectoryEntry {
    std::string name;
    std::uint64_t inode = 0;
    mode_t type = 0;  ///< S_IFDIR or S_IFREG
    /// d_off: where to go on after this entry, which is the next one's name_hash(). Of several
    /// names with one hash the second has 1 in the upper 32 bits, the third 2, and so on.
    std::uint64_t next_offset = 0;
};

class Tree {
public:
    /// The tree's clock for atime, mtime and ctime.
    using WallClock = std::function<timespec()>;

    struct Options {
        uid_t uid = 0;
        gid_t gid = 0;
        /// The root directory's other half; DirKey{0} for a layout directory.
        DirKey root{};
        mode_t root_mode = 0555;
        /// A directory in one with the set-group-id bit gets its group, as its files do: of root's
        /// making alone, or of all.
        bool set_gid_is_for_all = true;
    };

    Tree(Provider& provider, WallClock wall_clock, Options options);
    ~Tree();
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    /// Puts a hierarchy's root (`key`) as directory `name` into the root, which must be a layout
    /// directory.
    NodeId add_hierarchy(std::string_view name, DirKey key);
    /// Takes it away again; it has no directories any more.
    void remove_hierarchy(std::string_view name);

    /// Puts a symbolic link into the root, which must be a layout directory. Only before the tree
    /// is served.
    void add_link(std::string_view name, std::string_view target);
    /// EINVAL: not a link.
    Result<std::string> readlink(NodeId node);

    Result<Attributes> lookup(NodeId parent, std::string_view name);
    Result<Attributes> getattr(NodeId node);
    Result<Attributes> setattr(NodeId node, const AttributeChange& change);
    /// Keeps the node's record past its removal, as a kernel that remembers the number needs;
    /// `count` calls of hold() are taken back by forget(). Unknown nodes are ignored.
    void hold(NodeId node);
    void forget(NodeId node, std::uint64_t count);

    /// The directories on the way from the root to the node that not all may search, the nearest
    /// first. None of an unknown node.
    std::vector<Attributes> closed_above(NodeId node);

    /// Names in a directory that a kernel may remember: of what is held or open. Nothing of a node
    /// that is no directory any more.
    std::vector<std::string> known_names(NodeId directory);

    /// `mode` is the caller's mode & ~umask. EEXIST, EINVAL (newline), EPERM (layout directory),
    /// ENOENT (parent has gone) and the provider's errors.
    Result<Attributes> mkdir(NodeId parent, std::string_view name, mode_t mode,
                             const Credentials& creator);
    /// What a kernel may have to be told of a directory that has been removed.
    struct Removed {
        NodeId directory{};
        /// Each once.
        std::vector<NodeId> open_files;
        std::vector<std::string> names_of_open_files;
    };
    Result<Removed> rmdir(NodeId parent, std::string_view name);
    struct RenameTarget {
        NodeId parent{};
        std::string_view name;
        unsigned flags = 0;
    };
    Result<void> rename(NodeId parent, std::string_view name, const RenameTarget& target);
    Result<void> unlink(NodeId parent, std::string_view name);

    /// Opens a file or a directory. The OpenFile stays usable after its directory has gone, but
    /// not after the tree. EINVAL for O_DIRECT, ENODEV for a file that has gone.
    Result<std::unique_ptr<OpenFile>> open(NodeId node, int flags, const Credentials& opener);

    /// At most `size` bytes at `offset`. A snapshot per open file: see class OpenFile.
    Result<std::string> read(OpenFile& file, std::uint64_t offset, std::size_t size,
                             const Credentials& caller);
    /// Whether the file is one of records, which are read by read_record() and not by read().
    bool has_records(const OpenFile& file) const;
    /// The next record, as Provider::read_record() says. ENODEV.
    Result<StoreOutcome> read_record(OpenFile& file, const RecordRead& read,
                                     const Credentials& caller);
    void seek_record(OpenFile& file, RecordPlace place, const Credentials& caller);

    /// One complete command. Success is the whole length but for StoreOutcome::unread_bytes, once
    /// the operation (if any) has ended. `offset` counts for FileInfo::at_start_only alone, and
    /// not with O_APPEND.
    Result<StoreOutcome> write(OpenFile& file, std::string_view text, const Credentials& caller,
                               std::uint64_t offset = 0);
    /// Entries from `offset` on (0: the start), at most `max_entries`, "." and ".." included.
    Result<std::vector<DirectoryEntry>> readdir(OpenFile& directory, std::uint64_t offset,
                                                std::size_t max_entries);
    Result<StoreOutcome> control(OpenFile& directory, std::span<std::byte> message,
                                 const Credentials& caller);

    /// POLL* bits now; `changed` is kept and called (any thread, no lock held) once something may
    /// have changed. An empty function asks without waiting.
    short poll(OpenFile& file, std::function<void()> changed);
    /// The provider's file has changed: wakes pollers. Any thread.
    void notify(DirKey dir, FileIndex file);
    /// Where the provider's file, one that announces changes, is now, from the root on without a
    /// leading slash. None if it has gone or nobody has ever looked it up: like the kernel, which
    /// has no inode for it then, nobody tells inotify (kernfs_notify_workfn). Any thread.
    std::optional<std::string> watchable_path(DirKey dir, FileIndex file);
    /// The open file's trigger has fired, or (false) ended: wakes its pollers. Ignores files that
    /// are closed. Any thread.
    void wake(OpenId file, bool fired);

    Result<void> setxattr(NodeId node, std::string_view name, std::string_view value, int flags);
    Result<std::string> getxattr(NodeId node, std::string_view name);
    Result<std::vector<std::string>> listxattr(NodeId node);
    Result<void> removexattr(NodeId node, std::string_view name);

private:
    friend class OpenFile;
    struct State;
    short poll_records(OpenFile& file, std::function<void()> changed);
    std::unique_ptr<State> state_;
};

}  // namespace memcgfs::vfs
