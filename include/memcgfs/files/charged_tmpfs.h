// SPDX-License-Identifier: MIT
//
// A tmpfs whose pages are the engine's shmem: charged to who touches them first, reclaimed to the
// simulated swap, uncharged when they are freed.
//
// A part of a write that cannot be charged as a whole changes nothing. Reads of holes through
// read(2) are zeros that nobody pays for, as in tmpfs; a page fault on a hole makes a page.
//
// Threads: all methods by any thread that holds no lock. Lock: LockRank::kFiles.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/files/file_system.h"
#include "memcgfs/files/tmpfs.h"
#include "memcgfs/files/work.h"

namespace memcgfs::files {

class ChargedTmpfs final : public FileSystem {
public:
    using Parts = ChargeParts;
    /// All of it and the bank outlive it.
    ChargedTmpfs(Parts parts, PageBank& bank, Tmpfs::Options options);
    ~ChargedTmpfs() override;
    ChargedTmpfs(const ChargedTmpfs&) = delete;
    ChargedTmpfs& operator=(const ChargedTmpfs&) = delete;

    /// Calls `act` with the file system under its lock. On return the pages that it freed have been
    /// uncharged.
    template <class Act>
    auto with(Act act) {
        const Settling settling(*this);
        return act(settling.fs());
    }

    /// For ever: everything changes through the mount alone.
    double kept_seconds() const override { return 1e9; }

    // charged_tmpfs_names.cc
    Result<Entry> lookup(const Name& name) override;
    Result<Entry> make(const Name& name, const NewInode& wanted) override;
    Result<Created> create(const Name& name, const NewInode& wanted, int flags) override;
    Result<Created> create_unnamed(InodeId directory, const NewInode& wanted, int flags) override;
    Result<Entry> link(InodeId inode, const Name& name) override;
    Result<void> unlink(const Name& name) override;
    Result<void> rmdir(const Name& name) override;
    Result<void> rename(const Name& from, const Name& to, unsigned flags) override;
    Result<std::string> readlink(InodeId inode) override;
    void forget(InodeId inode, std::uint64_t count) override;
    /// ENOSYS
    Result<Handle> open_directory(InodeId directory) override;
    void close_directory(InodeId, Handle) override {}
    Result<std::vector<Listed>> list(InodeId directory, Handle, off_t place,
                                     std::size_t most) override;
    Result<struct stat> getattr(InodeId inode) override;
    Result<struct stat> setattr(InodeId inode, const AttributeChange& change,
                                std::optional<Handle> handle) override;
    Result<struct statvfs> statfs(InodeId inode) override;
    Result<void> setxattr(InodeId inode, const std::string& name, std::string_view value,
                          int flags) override;
    Result<std::string> getxattr(InodeId inode, const std::string& name) override;
    Result<std::string> listxattr(InodeId inode) override;
    Result<void> removexattr(InodeId inode, const std::string& name) override;

    // charged_tmpfs.cc
    Result<Handle> open(InodeId inode, int flags) override;
    void close(InodeId inode, Handle handle) override;
    Result<std::unique_ptr<Work>> write(const Access& access,
                                        std::span<const std::byte> bytes) override;
    /// `fault`: holes are filled.
    Result<std::unique_ptr<Work>> read(const Access& access, bool fault) override;
    Result<ReadOutcome> fetch(const Access& access, std::span<std::byte> bytes) override;
    Result<std::unique_ptr<Work>> allocate(const Access& access, int mode) override;
    Result<std::unique_ptr<Work>> sync(const Access& access, bool data_only) override;
    Result<std::uint64_t> seek(const Access& access, int whence) override;

private:
    /// Holds the lock; at its end the engine learns of freed pages.
    class Settling {
    public:
        explicit Settling(ChargedTmpfs& owner) : owner_(owner) { owner_.mutex_.lock(); }
        ~Settling();
        Settling(const Settling&) = delete;
        Settling& operator=(const Settling&) = delete;
        Tmpfs& fs() const { return owner_.fs_; }

    private:
        ChargedTmpfs& owner_;
    };

    engine::MappingId mapping_of(InodeId inode);
    bool settle();

    const Parts parts_;
    Mutex mutex_{LockRank::kFiles};
    Tmpfs fs_;
    std::unordered_map<std::uint64_t, engine::MappingId> mappings_;  ///< by inode
};

}  // namespace memcgfs::files
