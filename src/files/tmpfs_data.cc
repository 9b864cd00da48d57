// SPDX-License-Identifier: MIT
//
// Contents of the files of a tmpfs.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "files/tmpfs_inode.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::files {

namespace {

constexpr time_t kDay = 24 * 60 * 60;

bool is_before(const timespec& a, const timespec& b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

}  // namespace

std::uint64_t Tmpfs::size_of(InodeId id) const {
    const Inode* const inode = find(id);
    return inode == nullptr ? 0 : inode->size;
}

Result<std::vector<PageRun>> Tmpfs::allocate(InodeId id, PageRun range) {
    Inode* const inode = find(id);
    if (inode == nullptr || range.first + range.count > kFileSizeMax / kPageSize) {
        return Err(inode == nullptr ? Errno::kENOENT : Errno::kEFBIG);
    }
    Pages left{UINT64_MAX};
    if (options_.limits.blocks != Pages{0}) {
        left = options_.limits.blocks - used_blocks_;
    }
    std::vector<PageRun> runs = inode->data.holes(range);
    std::vector<PageRun> added;
    for (PageRun run : runs) {
        run.count = std::min(run.count, left.count());
        if (run.count == 0) {
            break;
        }
        inode->data.allocate(run);
        used_blocks_ += Pages{run.count};
        left -= Pages{run.count};
        added.push_back(run);
    }
    if (!runs.empty() && runs.front().first == range.first && added.empty()) {
        return Err(Errno::kENOSPC);
    }
    return added;
}

void Tmpfs::free_pages(Inode& inode, PageRun run) {
    const Pages before = inode.data.allocated();
    inode.data.free(run);
    if (const Pages freed = before - inode.data.allocated(); freed != Pages{0}) {
        used_blocks_ -= freed;
        freed_.push_back({inode.id, run});
    }
}

void Tmpfs::give_back(InodeId id, std::span<const PageRun> runs) {
    if (Inode* const inode = find(id); inode != nullptr) {
        for (const PageRun& run : runs) {
            free_pages(*inode, run);
        }
    }
}

std::uint64_t Tmpfs::present(InodeId id, PageRun range) const {
    const Inode* const inode = find(id);
    return inode == nullptr
               ? 0
               : inode->data.next(range.first, range.first + range.count, false) - range.first;
}

std::vector<PageRun> Tmpfs::parts(InodeId id, PageRun range) const {
    std::vector<PageRun> found;
    const Inode* const inode = find(id);
    std::uint64_t at = range.first;
    const std::uint64_t end = range.first + range.count;
    while (inode != nullptr && at < end) {
        const std::uint64_t first = inode->data.next(at, end, true);
        const std::uint64_t stop = inode->data.next(first, end, false);
        if (first < stop) {
            found.push_back({first, stop - first});
        }
        at = stop;
    }
    return found;
}

Result<Tmpfs::ReadOutcome> Tmpfs::read(InodeId id, std::uint64_t offset,
                                       std::span<std::byte> bytes) {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    // As relatime has it.
    const timespec now = options_.now();
    if (!is_before(inode->modified, inode->accessed) ||
        !is_before(inode->changed, inode->accessed) || now.tv_sec - inode->accessed.tv_sec > kDay) {
        inode->accessed = now;
    }
    ReadOutcome outcome;
    outcome.size =
        offset >= inode->size ? 0 : std::min<std::uint64_t>(bytes.size(), inode->size - offset);
    outcome.zeros = inode->data.is_empty(pages_of(offset, outcome.size));
    if (!outcome.zeros) {
        MEMCGFS_TRY(inode->data.read(offset, bytes.first(outcome.size)));
    }
    return outcome;
}

Result<std::uint64_t> Tmpfs::write(InodeId id, std::uint64_t offset,
                                   std::span<const std::byte> bytes) {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    const std::uint64_t written = MEMCGFS_TRY(inode->data.write(offset, bytes));
    inode->size = std::max(inode->size, offset + written);
    touch(*inode);
    return written;
}

Result<std::uint64_t> Tmpfs::write_zeros(InodeId id, std::uint64_t offset, std::uint64_t size) {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    MEMCGFS_TRY(inode->data.write_zeros(offset, size));
    inode->size = std::max(inode->size, offset + size);
    touch(*inode);
    return size;
}

void Tmpfs::grow(InodeId id, std::uint64_t size) {
    if (Inode* const inode = find(id); inode != nullptr) {
        inode->size = std::max(inode->size, size);
        inode->changed = options_.now();
    }
}

Result<void> Tmpfs::resize(Inode& inode, std::uint64_t size) {
    if (inode.is_directory() || !S_ISREG(inode.mode)) {
        return Err(inode.is_directory() ? Errno::kEISDIR : Errno::kEINVAL);
    }
    if (size > kFileSizeMax) {
        return Err(Errno::kEFBIG);
    }
    if (size < inode.size) {
        const std::uint64_t kept = pages_of(0, size).count;
        free_pages(inode, {kept, UINT64_MAX - kept});
        if (size % kPageSize != 0) {
            MEMCGFS_TRY(inode.data.clear(size, kPageSize - size % kPageSize));
        }
    }
    inode.size = size;
    touch(inode);
    return {};
}

Result<void> Tmpfs::punch_hole(InodeId id, std::uint64_t offset, std::uint64_t size) {
    Inode* const inode = find(id);
    if (inode == nullptr) {
        return Err(Errno::kENOENT);
    }
    const std::uint64_t end = offset + size;
    const std::uint64_t first = (offset + kPageSize - 1) / kPageSize;
    const std::uint64_t behind = end / kPageSize;
    if (first > behind) {
        MEMCGFS_TRY(inode->data.clear(offset, size));  // within one page
    } else {
        if (offset % kPageSize != 0) {
            MEMCGFS_TRY(inode->data.clear(offset, first * kPageSize - offset));
        }
        if (end % kPageSize != 0) {
            MEMCGFS_TRY(inode->data.clear(behind * kPageSize, end % kPageSize));
        }
        free_pages(*inode, {first, behind - first});
    }
    touch(*inode);
    return {};
}

Result<std::uint64_t> Tmpfs::seek(InodeId id, std::uint64_t offset, int whence) const {
    const Inode* const inode = find(id);
    if (inode == nullptr || (whence != SEEK_DATA && whence != SEEK_HOLE)) {
        return Err(inode == nullptr ? Errno::kENOENT : Errno::kEINVAL);
    }
    if (offset >= inode->size) {
        return Err(Errno{ENXIO});
    }
    const std::uint64_t end = pages_of(0, inode->size).count;
    const std::uint64_t page = inode->data.next(offset / kPageSize, end, whence == SEEK_DATA);
    if (page == end) {
        return whence == SEEK_DATA ? Err(Errno{ENXIO}) : Result<std::uint64_t>(inode->size);
    }
    return std::max(offset, page * kPageSize);
}

}  // namespace memcgfs::files
