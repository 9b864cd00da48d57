// SPDX-License-Identifier: MIT
//
// What a mounted file system of ours is asked, whatever keeps its contents (charged_tmpfs.h,
// tracked_directory.h). One method for each kind of request that the kernel makes; permissions and
// paths are the kernel's affair. Sizes are bytes, errors the kernel's.
//
// A request that needs pages is a Work (work.h): its operations are run first, then it is finished.
//
// Threads: all methods by any thread that holds no lock.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::files {

class Work;

/// Names an inode for the whole life of its file system; never used twice.
enum class InodeId : std::uint64_t {};
inline constexpr InodeId kRootInode{1};
/// Names something that is open, for the file system itself.
using Handle = std::uint64_t;

/// A name in a directory.
struct Name {
    InodeId directory{};
    std::string_view name;
};

struct NewInode {
    mode_t mode = 0;  ///< with the type
    uid_t uid = 0;
    gid_t gid = 0;
    dev_t device = 0;
    std::string target = {};  ///< of a symbolic link
};

/// What chmod(2), chown(2), truncate(2) and utimensat(2) change.
struct AttributeChange {
    std::optional<mode_t> mode = {};
    std::optional<uid_t> uid = {};
    std::optional<gid_t> gid = {};
    std::optional<std::uint64_t> size = {};
    std::optional<timespec> accessed = {};
    std::optional<timespec> modified = {};
};

class FileSystem {
public:
    virtual ~FileSystem() = default;

    /// How long the kernel may go by what it was told of names and attributes.
    virtual double kept_seconds() const = 0;

    // Names. What gives an Entry holds its inode, until as many forget() as that.
    struct Entry {
        InodeId inode{};
        struct stat status{};
    };
    struct Created {
        Entry entry;
        Handle handle = 0;
    };
    virtual Result<Entry> lookup(const Name& name) = 0;
    /// All but symbolic links' targets and regular files that are to be opened.
    virtual Result<Entry> make(const Name& name, const NewInode& wanted) = 0;
    /// A regular file, opened with open(2)'s `flags`.
    virtual Result<Created> create(const Name& name, const NewInode& wanted, int flags) = 0;
    /// O_TMPFILE.
    virtual Result<Created> create_unnamed(InodeId directory, const NewInode& wanted,
                                           int flags) = 0;
    virtual Result<Entry> link(InodeId inode, const Name& name) = 0;
    virtual Result<void> unlink(const Name& name) = 0;
    virtual Result<void> rmdir(const Name& name) = 0;
    /// `flags` are renameat2(2)'s.
    virtual Result<void> rename(const Name& from, const Name& to, unsigned flags) = 0;
    virtual Result<std::string> readlink(InodeId inode) = 0;
    virtual void forget(InodeId inode, std::uint64_t count) = 0;

    // Directories.
    struct Listed {
        std::string name;
        std::uint64_t number = 0;  ///< as stat(2) shows the inode
        mode_t type = 0;
        off_t next = 0;  ///< the place behind it
    };
    /// ENOSYS: directories need not be opened.
    virtual Result<Handle> open_directory(InodeId directory) = 0;
    virtual void close_directory(InodeId directory, Handle handle) = 0;
    /// Up to `most` entries from a place on, "." and ".." among them. A place is 0, or an entry's
    /// `next`.
    virtual Result<std::vector<Listed>> list(InodeId directory, Handle handle, off_t place,
                                             std::size_t most) = 0;

    // Attributes.
    virtual Result<struct stat> getattr(InodeId inode) = 0;
    /// `handle`: by an open file. Result: how it is then.
    virtual Result<struct stat> setattr(InodeId inode, const AttributeChange& change,
                                        std::optional<Handle> handle) = 0;
    virtual Result<struct statvfs> statfs(InodeId inode) = 0;
    virtual Result<void> setxattr(InodeId inode, const std::string& name, std::string_view value,
                                  int flags) = 0;
    virtual Result<std::string> getxattr(InodeId inode, const std::string& name) = 0;
    /// Names, each with a 0 behind it.
    virtual Result<std::string> listxattr(InodeId inode) = 0;
    virtual Result<void> removexattr(InodeId inode, const std::string& name) = 0;

    // Contents.
    virtual Result<Handle> open(InodeId inode, int flags) = 0;
    virtual void close(InodeId inode, Handle handle) = 0;
    struct Access {
        InodeId inode{};
        std::int32_t thread = 0;  ///< who asks; 0: the kernel itself
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
        Handle handle = 0;
        bool append = false;  ///< a write goes where the file ends, whatever the offset says
    };
    /// A write of `bytes`, which are not needed any more on return. Result: bytes written.
    virtual Result<std::unique_ptr<Work>> write(const Access& access,
                                                std::span<const std::byte> bytes) = 0;
    /// The pages of a read come to memory; then fetch() has the bytes. `fault`: for a mapping.
    virtual Result<std::unique_ptr<Work>> read(const Access& access, bool fault) = 0;
    /// Up to the end of the file: how many bytes. None are copied if `zeros` comes back true, which
    /// it does only when that is quick to find. EIO.
    struct ReadOutcome {
        std::uint64_t size = 0;
        bool zeros = false;
    };
    virtual Result<ReadOutcome> fetch(const Access& access, std::span<std::byte> bytes) = 0;
    /// fallocate(2) with its `mode`. EOPNOTSUPP, ENOSPC. Result: 0.
    virtual Result<std::unique_ptr<Work>> allocate(const Access& access, int mode) = 0;
    /// fsync(2), or with `data_only` fdatasync(2). Result: of no meaning.
    virtual Result<std::unique_ptr<Work>> sync(const Access& access, bool data_only) = 0;
    /// SEEK_DATA and SEEK_HOLE. ENXIO, EINVAL.
    virtual Result<std::uint64_t> seek(const Access& access, int whence) = 0;
};

}  // namespace memcgfs::files
