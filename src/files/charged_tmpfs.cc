// SPDX-License-Identifier: MIT
#include "memcgfs/files/charged_tmpfs.h"

#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>
#include <utility>

namespace memcgfs::files {

ChargedTmpfs::ChargedTmpfs(Parts parts, PageBank& bank, Tmpfs::Options options)
    : parts_(std::move(parts)), fs_(bank, std::move(options)) {}

ChargedTmpfs::~ChargedTmpfs() {
    {
        const MutexLock engine_lock(parts_.engine_mutex);
        for (const auto& [inode, mapping] : mappings_) {
            parts_.engine.destroy_mapping(mapping);
        }
    }
    parts_.flush();
}

ChargedTmpfs::Settling::~Settling() {
    const bool freed = owner_.settle();
    owner_.mutex_.unlock();
    if (freed) {
        owner_.parts_.flush();
    }
}

/// Under the lock, so that nobody has charged a page anew before the engine learns that it has
/// gone.
bool ChargedTmpfs::settle() {
    const std::vector<Tmpfs::Freed> all = fs_.take_freed();
    if (all.empty()) {
        return false;
    }
    const MutexLock engine_lock(parts_.engine_mutex);
    for (const Tmpfs::Freed& freed : all) {
        const auto found = mappings_.find(static_cast<std::uint64_t>(freed.inode));
        if (found == mappings_.end()) {
            continue;
        }
        if (freed.run.count > 0) {
            parts_.engine.free_pages(found->second, {freed.run.first, freed.run.count});
        } else {
            parts_.engine.destroy_mapping(found->second);
            mappings_.erase(found);
        }
    }
    return true;
}

engine::MappingId ChargedTmpfs::mapping_of(InodeId inode) {
    const auto found = mappings_.find(static_cast<std::uint64_t>(inode));
    if (found != mappings_.end()) {
        return found->second;
    }
    const MutexLock engine_lock(parts_.engine_mutex);
    const engine::MappingId mapping = parts_.engine.create_mapping({}, engine::PageKind::kShmem);
    mappings_.emplace(static_cast<std::uint64_t>(inode), mapping);
    return mapping;
}

Result<Handle> ChargedTmpfs::open(InodeId inode, int /*flags*/) {
    return with([&](Tmpfs& fs) -> Result<Handle> {
        MEMCGFS_TRY(fs.getattr(inode));
        fs.open(inode);
        return Handle{0};
    });
}

void ChargedTmpfs::close(InodeId inode, Handle /*handle*/) {
    with([&](Tmpfs& fs) { fs.close(inode); });
}

Result<std::unique_ptr<Work>> ChargedTmpfs::write(const Access& access,
                                                  std::span<const std::byte> bytes) {
    const engine::TaskId task = parts_.payers.of(access.thread);
    const Settling settling(*this);
    const PageRun range = pages_of(access.offset, bytes.size());
    std::vector<PageRun> added = MEMCGFS_TRY(fs_.allocate(access.inode, range));
    const std::uint64_t there = fs_.present(access.inode, range);
    const std::uint64_t size =
        std::min<std::uint64_t>(bytes.size(), (range.first + there) * kPageSize - access.offset);
    // Zeros need no copy, and they are what most of the large writes bring.
    std::vector<std::byte> copy;
    if (!is_zero(bytes.first(size))) {
        copy.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    }
    auto finish = [this, inode = access.inode, offset = access.offset, size, copy = std::move(copy),
                   added = std::move(added)](const Result<void>& charged) {
        return with([&](Tmpfs& fs) -> Result<std::uint64_t> {
            if (!charged.ok()) {
                fs.give_back(inode, added);
                return Err(charged.error());
            }
            return copy.empty() ? fs.write_zeros(inode, offset, size)
                                : fs.write(inode, offset, copy);
        });
    };
    return std::make_unique<Work>(
        parts_,
        Work::Charge{
            task, mapping_of(access.inode), engine::Access::kWrite, {{range.first, there}}},
        std::move(finish));
}

Result<std::unique_ptr<Work>> ChargedTmpfs::read(const Access& access, bool fault) {
    const engine::TaskId task = parts_.payers.of(access.thread);
    const Settling settling(*this);
    const std::uint64_t end = fs_.size_of(access.inode);
    const std::uint64_t size =
        access.offset >= end ? 0 : std::min(access.size, end - access.offset);
    const PageRun range = pages_of(access.offset, size);
    std::vector<PageRun> added;
    if (fault && size > 0) {
        added = MEMCGFS_TRY(fs_.allocate(access.inode, range));
    }
    auto finish = [this, inode = access.inode,
                   added = std::move(added)](const Result<void>& charged) {
        if (!charged.ok()) {
            with([&](Tmpfs& fs) { fs.give_back(inode, added); });
            return Result<std::uint64_t>(Err(charged.error()));
        }
        return Result<std::uint64_t>(0);
    };
    return std::make_unique<Work>(
        parts_,
        Work::Charge{task, mapping_of(access.inode), engine::Access::kRead,
                     fs_.parts(access.inode, range)},
        std::move(finish));
}

Result<FileSystem::ReadOutcome> ChargedTmpfs::fetch(const Access& access,
                                                    std::span<std::byte> bytes) {
    return with([&](Tmpfs& fs) { return fs.read(access.inode, access.offset, bytes); });
}

Result<std::unique_ptr<Work>> ChargedTmpfs::allocate(const Access& access, int mode) {
    const engine::TaskId task = parts_.payers.of(access.thread);
    const Settling settling(*this);
    const engine::MappingId mapping = mapping_of(access.inode);
    if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
        MEMCGFS_TRY(fs_.punch_hole(access.inode, access.offset, access.size));
        return std::make_unique<Work>(parts_, Work::Charge{task, mapping},
                                      [](const Result<void>&) { return Result<std::uint64_t>(0); });
    }
    if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE) {
        return Err(Errno::kEOPNOTSUPP);
    }
    const PageRun range = pages_of(access.offset, access.size);
    std::vector<PageRun> added = MEMCGFS_TRY(fs_.allocate(access.inode, range));
    if (fs_.present(access.inode, range) < range.count) {
        fs_.give_back(access.inode, added);
        return Err(Errno::kENOSPC);
    }
    auto finish = [this, access, mode, added](const Result<void>& charged) {
        return with([&](Tmpfs& fs) -> Result<std::uint64_t> {
            if (!charged.ok()) {
                fs.give_back(access.inode, added);
                return Err(charged.error());
            }
            if (mode == 0) {
                fs.grow(access.inode, access.offset + access.size);
            }
            return std::uint64_t{0};
        });
    };
    return std::make_unique<Work>(
        parts_, Work::Charge{task, mapping, engine::Access::kWrite, std::move(added)},
        std::move(finish));
}

/// There is nothing to write back.
Result<std::unique_ptr<Work>> ChargedTmpfs::sync(const Access& /*access*/, bool /*data_only*/) {
    return std::make_unique<Work>(parts_, Work::Charge{},
                                  [](const Result<void>&) { return Result<std::uint64_t>(0); });
}

Result<std::uint64_t> ChargedTmpfs::seek(const Access& access, int whence) {
    return with([&](Tmpfs& fs) { return fs.seek(access.inode, access.offset, whence); });
}

}  // namespace memcgfs::files
