// SPDX-License-Identifier: MIT
//
// A real directory, shown as it is, where reading and writing a file costs page cache: the engine's
// file pages, charged to who touches them first, dirty after a write, written back and reclaimed as
// the engine does it.
//
// The contents are always in the real files, which are written to before a write is answered: what
// becomes of the engine's pages changes the books alone. A write that cannot be charged as a whole
// writes nothing. Zeros behind a file's end are left out of it (a hole), so that they cost no room
// on the disk. DEVIATION(tracked-directory).
//
// Files are found by descriptors (openat(2)) from the directory on; the real directory may be
// covered by the mount that shows this. Others may change it at the same time.
//
// Threads: all methods by any thread that holds no lock. Lock: LockRank::kFiles.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/files/file_system.h"
#include "memcgfs/files/work.h"

namespace memcgfs::files {

struct TrackedInode;
class TrackedInodes;

class TrackedDirectory final : public FileSystem {
public:
    /// The number that stat(2) gives for all owners without one in this user namespace, and what is
    /// told in its place.
    struct Stranger {
        std::uint32_t number = 0;
        std::uint32_t shown_as = 0;
    };
    struct Options {
        /// Files with pages, or known to have had some, that the kernel has forgotten: so many are
        /// remembered, with a descriptor each. What is beyond loses its pages.
        std::size_t remembered = 1024;
        /// The kernel lets nobody write to a file of FUSE whose user or group has no number. Who
        /// may, the real file says.
        std::optional<Stranger> user{};
        std::optional<Stranger> group{};
    };
    /// `root` is a descriptor of the directory (O_PATH). Parts outlive it.
    TrackedDirectory(ChargeParts parts, UniqueFd root, Options options);
    ~TrackedDirectory() override;
    TrackedDirectory(const TrackedDirectory&) = delete;
    TrackedDirectory& operator=(const TrackedDirectory&) = delete;

    /// The page cache of the file that stat(2) shows with this number, for those who use it by
    /// other means. Nothing: it is not known, so that it cannot be open.
    std::optional<engine::MappingId> cache_of(std::uint64_t number);

    /// A second: who changes the real directory is noticed soon enough.
    double kept_seconds() const override { return 1; }

    // tracked_names.cc
    Result<Entry> lookup(const Name& name) override;
    Result<Entry> make(const Name& name, const NewInode& wanted) override;
    Result<Created> create(const Name& name, const NewInode& wanted, int flags) override;
    Result<Created> create_unnamed(InodeId directory, const NewInode& wanted, int flags) override;
    Result<Entry> link(InodeId inode, const Name& name) override;
    Result<void> unlink(const Name& name) override;
    Result<void> rmdir(const Name& name) override;
    Result<void> rename(const Name& from, const Name& to, unsigned flags) override;
    Result<std::string> readlink(InodeId inode) override;
    Result<Handle> open_directory(InodeId directory) override;
    void close_directory(InodeId directory, Handle handle) override;
    Result<std::vector<Listed>> list(InodeId directory, Handle handle, off_t place,
                                     std::size_t most) override;

    // tracked_attributes.cc
    Result<struct stat> getattr(InodeId inode) override;
    Result<struct stat> setattr(InodeId inode, const AttributeChange& change,
                                std::optional<Handle> handle) override;
    Result<struct statvfs> statfs(InodeId inode) override;
    Result<void> setxattr(InodeId inode, const std::string& name, std::string_view value,
                          int flags) override;
    Result<std::string> getxattr(InodeId inode, const std::string& name) override;
    Result<std::string> listxattr(InodeId inode) override;
    Result<void> removexattr(InodeId inode, const std::string& name) override;

    // tracked_data.cc
    Result<Handle> open(InodeId inode, int flags) override;
    Result<std::unique_ptr<Work>> write(const Access& access,
                                        std::span<const std::byte> bytes) override;
    Result<std::unique_ptr<Work>> read(const Access& access, bool fault) override;
    Result<ReadOutcome> fetch(const Access& access, std::span<std::byte> bytes) override;
    Result<std::unique_ptr<Work>> allocate(const Access& access, int mode) override;
    Result<std::unique_ptr<Work>> sync(const Access& access, bool data_only) override;
    Result<std::uint64_t> seek(const Access& access, int whence) override;

    // tracked_directory.cc
    void forget(InodeId inode, std::uint64_t count) override;
    void close(InodeId inode, Handle handle) override;

private:
    using Inode = std::shared_ptr<TrackedInode>;

    Result<Inode> find(InodeId inode);
    /// What a descriptor (O_PATH) leads to, held once more.
    Result<Entry> enter(UniqueFd file);
    Result<Entry> enter_name(int directory, const std::string& name);
    struct stat as_shown(struct stat status) const;
    Result<Created> enter_open(UniqueFd file);
    /// The file by that name, if it is known.
    Inode known(int directory, const std::string& name);

    // The engine's side (tracked_directory.cc).
    engine::MappingId mapping_of(TrackedInode& inode) MEMCGFS_REQUIRES(mutex_);
    /// A request that uses those pages; `writes`: and may be about to make the file longer.
    Work::Charge begin(TrackedInode& inode, engine::TaskId task, PageRun range, bool writes);
    /// It has ended: pages that the file does not reach to are given back.
    void end(TrackedInode& inode, bool wrote);
    /// The same, as the file has been cut.
    void trim(TrackedInode& inode);
    bool trim_locked(TrackedInode& inode) MEMCGFS_REQUIRES(mutex_);
    void free_pages(TrackedInode& inode, PageRun range);
    /// A name has gone. A file without names that nobody has open has no pages.
    void end_if_unused(TrackedInode& inode);
    bool end_mapping(TrackedInode& inode) MEMCGFS_REQUIRES(mutex_);

    const ChargeParts parts_;
    const Options options_;
    Mutex mutex_{LockRank::kFiles};
    std::unique_ptr<TrackedInodes> inodes_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::files
