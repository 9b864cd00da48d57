// SPDX-License-Identifier: MIT
//
// A file system in memory with the rules of tmpfs (mm/shmem.c, 6.1). It knows of no memory control
// groups: who pays for its pages is arranged around it (charged_tmpfs.h), from what it says of
// pages allocated and freed.
//
// Permissions, file types that do not fit and paths that are too deep are the kernel's affair,
// which asks only for what is allowed; of names and links everything is checked here.
//
// Lock: the caller's, for every method. Sizes are bytes, errors the kernel's.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/files/file_data.h"
#include "memcgfs/files/file_system.h"
#include "memcgfs/files/tmpfs_options.h"

namespace memcgfs::files {

class Tmpfs {
public:
    struct Options {
        TmpfsLimits limits = {};
        mode_t mode = 01777;  ///< of the root directory
        uid_t uid = 0;
        gid_t gid = 0;
        std::function<timespec()> now = {};
    };
    /// The bank outlives it.
    Tmpfs(PageBank& bank, Options options);
    ~Tmpfs();
    Tmpfs(const Tmpfs&) = delete;
    Tmpfs& operator=(const Tmpfs&) = delete;

    // Names (tmpfs.cc). ENOENT, EEXIST, ENOTDIR, ENOSPC (nr_inodes), ENAMETOOLONG.
    using NewInode = files::NewInode;
    Result<InodeId> lookup(const Name& name) const;
    Result<InodeId> make(const Name& name, const NewInode& wanted);
    /// O_TMPFILE: a regular file without a name, which link() may give one.
    Result<InodeId> make_unnamed(InodeId directory, const NewInode& wanted);
    Result<void> link(InodeId inode, const Name& name);
    Result<void> unlink(const Name& name);
    /// ENOTEMPTY.
    Result<void> rmdir(const Name& name);
    /// RENAME_NOREPLACE and RENAME_EXCHANGE; EINVAL for other flags, and for a directory that is to
    /// go below itself.
    Result<void> rename(const Name& from, const Name& to, unsigned flags);
    Result<std::string> readlink(InodeId inode) const;

    struct Entry {
        std::string name;
        InodeId inode{};
        mode_t mode = 0;
        std::uint64_t cookie = 0;  ///< names the place in the directory, for ever
    };
    /// Up to `most` entries from the newest to the oldest, beginning behind that of `cookie` (0:
    /// with the first).
    std::vector<Entry> list(InodeId directory, std::uint64_t cookie, std::size_t most) const;
    InodeId parent_of(InodeId directory) const;

    // Attributes (tmpfs_attributes.cc).
    Result<struct stat> getattr(InodeId inode) const;
    using Change = AttributeChange;
    /// EFBIG, EINVAL: a size that cannot be.
    Result<void> setattr(InodeId inode, const Change& change);
    /// E2BIG, EEXIST, ENODATA, EOPNOTSUPP: names that tmpfs does not keep.
    Result<void> setxattr(InodeId inode, std::string_view name, std::string_view value, int flags);
    Result<std::string> getxattr(InodeId inode, std::string_view name) const;
    Result<std::vector<std::string>> listxattr(InodeId inode) const;
    Result<void> removexattr(InodeId inode, std::string_view name);
    struct statvfs statfs() const;
    const TmpfsLimits& limits() const { return options_.limits; }
    /// A remount. EINVAL: less than there is, or limits where there were none.
    Result<void> set_limits(const std::optional<Pages>& blocks,
                            const std::optional<std::uint64_t>& inodes);

    // Life. An inode without names ends when nobody has it open and nobody holds it.
    void hold(InodeId inode);
    void forget(InodeId inode, std::uint64_t count);
    void open(InodeId inode);
    void close(InodeId inode);

    // Contents (tmpfs_data.cc).
    std::uint64_t size_of(InodeId inode) const;
    /// The range's pages that were missing, up to what the size limit leaves; they count from now
    /// on. ENOSPC: not even the first of the range. EFBIG: beyond the largest file.
    Result<std::vector<PageRun>> allocate(InodeId inode, PageRun range);
    /// Those pages are not wanted after all.
    void give_back(InodeId inode, std::span<const PageRun> runs);
    /// Of the range, how many of its first pages there are.
    std::uint64_t present(InodeId inode, PageRun range) const;
    /// The parts of the range that there are.
    std::vector<PageRun> parts(InodeId inode, PageRun range) const;
    /// Up to the end of the file: how many bytes. None are copied if `zeros` comes back true, which
    /// it does only when that is quick to find. EIO.
    using ReadOutcome = FileSystem::ReadOutcome;
    Result<ReadOutcome> read(InodeId inode, std::uint64_t offset, std::span<std::byte> bytes);
    /// Into pages that are there; the file grows. How many bytes. ENOSPC, EIO.
    Result<std::uint64_t> write(InodeId inode, std::uint64_t offset,
                                std::span<const std::byte> bytes);
    Result<std::uint64_t> write_zeros(InodeId inode, std::uint64_t offset, std::uint64_t size);
    /// The file is to be at least that long (fallocate(2)).
    void grow(InodeId inode, std::uint64_t size);
    Result<void> punch_hole(InodeId inode, std::uint64_t offset, std::uint64_t size);
    /// SEEK_DATA and SEEK_HOLE. ENXIO, EINVAL.
    Result<std::uint64_t> seek(InodeId inode, std::uint64_t offset, int whence) const;

    /// Pages that have gone since the last call: of one inode, or (count 0) all that it had.
    struct Freed {
        InodeId inode{};
        PageRun run;
    };
    std::vector<Freed> take_freed();

private:
    struct Inode;
    struct Directory;

    Inode* find(InodeId inode) const;
    Result<Inode*> directory(InodeId inode) const;
    Result<InodeId> add_inode(const NewInode& wanted, const Inode& parent);
    void add_name(Inode& directory, std::string_view name, Inode& inode);
    void remove_name(Inode& directory, std::string_view name);
    void drop_link(Inode& inode);
    void end_if_unused(Inode& inode);
    Result<void> exchange(const Name& from, const Name& to);
    Result<void> rename_over(const Name& to, const Inode& moved);
    bool is_below(InodeId inode, const Inode& above) const;
    Result<void> resize(Inode& inode, std::uint64_t size);
    void free_pages(Inode& inode, PageRun run);
    bool takes_inode();
    void touch(Inode& inode) const;

    PageBank& bank_;
    Options options_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Inode>> inodes_;
    std::uint64_t next_inode_ = 1;
    std::uint64_t next_cookie_ = 1;
    Pages used_blocks_{};
    std::uint64_t used_inodes_ = 0;
    std::vector<Freed> freed_;
};

}  // namespace memcgfs::files
