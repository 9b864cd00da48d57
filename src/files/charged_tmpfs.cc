// SPDX-License-Identifier: MIT
#include "memcgfs/files/charged_tmpfs.h"

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

Result<std::unique_ptr<ChargedTmpfs::Work>> ChargedTmpfs::write(const Access& access,
                                                                std::span<const std::byte> bytes) {
    const engine::TaskId task = parts_.payers.of(access.thread);
    const Settling settling(*this);
    const PageRun range = pages_of(access.offset, bytes.size());
    auto work = std::make_unique<Work>(*this, task, mapping_of(access.inode));
    std::vector<PageRun> added = MEMCGFS_TRY(fs_.allocate(access.inode, range));
    const std::uint64_t there = fs_.present(access.inode, range);
    const std::uint64_t size =
        std::min<std::uint64_t>(bytes.size(), (range.first + there) * kPageSize - access.offset);
    work->runs_ = {{range.first, there}};
    work->access_ = engine::Access::kWrite;
    // Zeros need no copy, and they are what most of the large writes bring.
    std::vector<std::byte> copy;
    if (!is_zero(bytes.first(size))) {
        copy.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    }
    work->finish_ = [this, inode = access.inode, offset = access.offset, size,
                     copy = std::move(copy),
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
    return work;
}

Result<std::unique_ptr<ChargedTmpfs::Work>> ChargedTmpfs::read(const Access& access, bool fault) {
    const engine::TaskId task = parts_.payers.of(access.thread);
    const Settling settling(*this);
    const std::uint64_t end = fs_.size_of(access.inode);
    const std::uint64_t size =
        access.offset >= end ? 0 : std::min(access.size, end - access.offset);
    const PageRun range = pages_of(access.offset, size);
    auto work = std::make_unique<Work>(*this, task, mapping_of(access.inode));
    std::vector<PageRun> added;
    if (fault && size > 0) {
        added = MEMCGFS_TRY(fs_.allocate(access.inode, range));
    }
    work->runs_ = fs_.parts(access.inode, range);
    work->finish_ = [this, inode = access.inode,
                     added = std::move(added)](const Result<void>& charged) {
        if (!charged.ok()) {
            with([&](Tmpfs& fs) { fs.give_back(inode, added); });
            return Result<std::uint64_t>(Err(charged.error()));
        }
        return Result<std::uint64_t>(0);
    };
    return work;
}

Result<std::unique_ptr<ChargedTmpfs::Work>> ChargedTmpfs::allocate(const Access& access,
                                                                   bool keep_size) {
    const engine::TaskId task = parts_.payers.of(access.thread);
    const Settling settling(*this);
    const PageRun range = pages_of(access.offset, access.size);
    auto work = std::make_unique<Work>(*this, task, mapping_of(access.inode));
    work->runs_ = MEMCGFS_TRY(fs_.allocate(access.inode, range));
    work->access_ = engine::Access::kWrite;
    if (fs_.present(access.inode, range) < range.count) {
        fs_.give_back(access.inode, work->runs_);
        return Err(Errno::kENOSPC);
    }
    work->finish_ = [this, access, keep_size, added = work->runs_](const Result<void>& charged) {
        return with([&](Tmpfs& fs) -> Result<std::uint64_t> {
            if (!charged.ok()) {
                fs.give_back(access.inode, added);
                return Err(charged.error());
            }
            if (!keep_size) {
                fs.grow(access.inode, access.offset + access.size);
            }
            return std::uint64_t{0};
        });
    };
    return work;
}

std::unique_ptr<Operation> ChargedTmpfs::Work::next() {
    if (at_ == runs_.size()) {
        return nullptr;
    }
    const PageRun run = runs_[at_++];
    const MutexLock engine_lock(owner_.parts_.engine_mutex);
    return owner_.parts_.engine.file_io(task_, mapping_, {run.first, run.count}, access_,
                                        run.count);
}

}  // namespace memcgfs::files
