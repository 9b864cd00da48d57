// SPDX-License-Identifier: MIT
#include "memcgfs/files/file_data.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "memcgfs/base/assert.h"

namespace memcgfs::files {

/// Calls visit(leaf number, first page within the leaf, one behind the last) for what the range has
/// of each leaf.
template <class Visit>
void FileData::for_leaves(PageRun range, Visit visit) {
    for (std::uint64_t index = range.first; index < range.first + range.count;) {
        const std::uint64_t number = index / kLeafPages;
        const std::uint64_t end = std::min(range.first + range.count, (number + 1) * kLeafPages);
        visit(number, index - number * kLeafPages, end - number * kLeafPages);
        index = end;
    }
}

std::uint64_t FileData::next(std::uint64_t index, std::uint64_t end, bool allocated) const {
    for (auto leaf = leaves_.lower_bound(index / kLeafPages); index < end; ++leaf) {
        const std::uint64_t base = leaf == leaves_.end() ? UINT64_MAX : leaf->first * kLeafPages;
        if (index < base) {  // pages without a leaf
            if (!allocated || base >= end) {
                return allocated ? end : index;
            }
            index = base;
        }
        const std::bitset<kLeafPages>& pages = leaf->second.allocated;
        const std::uint64_t stop = std::min(end, base + kLeafPages);
        if (allocated || !pages.all()) {
            for (; index < stop; index++) {
                if (pages[index - base] == allocated) {
                    return index;
                }
            }
        }
        index = stop;
    }
    return end;
}

std::vector<PageRun> FileData::holes(PageRun range) const {
    std::vector<PageRun> found;
    const std::uint64_t end = range.first + range.count;
    for (std::uint64_t index = range.first; index < end;) {
        const std::uint64_t first = next(index, end, false);
        const std::uint64_t stop = next(first, end, true);
        if (first < stop) {
            found.push_back({first, stop - first});
        }
        index = stop;
    }
    return found;
}

void FileData::allocate(PageRun range) {
    for_leaves(range, [&](std::uint64_t number, std::uint64_t first, std::uint64_t end) {
        Leaf& leaf = leaves_[number];
        const std::size_t before = leaf.allocated.count();
        for (std::uint64_t within = first; within < end; within++) {
            leaf.allocated.set(within);
        }
        allocated_ += Pages{leaf.allocated.count() - before};
    });
}

void FileData::drop_slot(Leaf& leaf, std::uint64_t within) {
    if (leaf.slots != nullptr && (*leaf.slots)[within] != 0) {
        bank_->give_back((*leaf.slots)[within]);
        (*leaf.slots)[within] = 0;
    }
}

void FileData::free(PageRun range) {
    const std::uint64_t end = range.first + range.count;
    for (auto leaf = leaves_.lower_bound(range.first / kLeafPages);
         leaf != leaves_.end() && leaf->first * kLeafPages < end;) {
        const std::uint64_t base = leaf->first * kLeafPages;
        const std::uint64_t from = std::max(range.first, base) - base;
        const std::uint64_t to = std::min(end - base, kLeafPages);
        const std::size_t before = leaf->second.allocated.count();
        for (std::uint64_t within = from; within < to; within++) {
            leaf->second.allocated.reset(within);
            drop_slot(leaf->second, within);
        }
        allocated_ -= Pages{before - leaf->second.allocated.count()};
        leaf = leaf->second.allocated.none() ? leaves_.erase(leaf) : std::next(leaf);
    }
}

void FileData::cut(std::uint64_t first_page) { free({first_page, UINT64_MAX - first_page}); }

PageBank::Slot FileData::slot_of(std::uint64_t index) const {
    const auto leaf = leaves_.find(index / kLeafPages);
    return leaf == leaves_.end() || leaf->second.slots == nullptr
               ? 0
               : (*leaf->second.slots)[index % kLeafPages];
}

bool FileData::is_empty(PageRun range) const {
    const std::uint64_t end = range.first + range.count;
    for (auto leaf = leaves_.lower_bound(range.first / kLeafPages);
         leaf != leaves_.end() && leaf->first * kLeafPages < end; ++leaf) {
        if (leaf->second.slots != nullptr) {
            return false;
        }
    }
    return true;
}

Result<void> FileData::read(std::uint64_t offset, std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
        const std::size_t within = offset % kPageSize;
        const std::size_t size = std::min<std::size_t>(bytes.size(), kPageSize - within);
        if (const PageBank::Slot slot = slot_of(offset / kPageSize); slot != 0) {
            MEMCGFS_TRY(bank_->read(slot, within, bytes.first(size)));
        } else {
            std::memset(bytes.data(), 0, size);
        }
        offset += size;
        bytes = bytes.subspan(size);
    }
    return {};
}

Result<void> FileData::write_page(std::uint64_t index, std::size_t offset,
                                  std::span<const std::byte> bytes) {
    const auto found = leaves_.find(index / kLeafPages);
    const std::uint64_t within = index % kLeafPages;
    MEMCGFS_ASSERT(found != leaves_.end() && found->second.allocated[within]);
    Leaf& leaf = found->second;
    const bool kept = leaf.slots != nullptr && (*leaf.slots)[within] != 0;
    const bool zero = is_zero(bytes);
    if (zero && (!kept || bytes.size() == kPageSize)) {
        drop_slot(leaf, within);
        return {};
    }
    if (kept) {
        return bank_->write((*leaf.slots)[within], offset, bytes);
    }
    std::array<std::byte, kPageSize> page{};
    std::memcpy(page.data() + offset, bytes.data(), bytes.size());
    const PageBank::Slot slot = MEMCGFS_TRY(bank_->put(page));
    if (leaf.slots == nullptr) {
        leaf.slots = std::make_unique<Slots>();
    }
    (*leaf.slots)[within] = slot;
    return {};
}

Result<std::uint64_t> FileData::write(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (is_empty(pages_of(offset, bytes.size())) && is_zero(bytes)) {
        return bytes.size();
    }
    std::uint64_t done = 0;
    while (done < bytes.size()) {
        const std::size_t within = (offset + done) % kPageSize;
        const std::size_t size = std::min<std::size_t>(bytes.size() - done, kPageSize - within);
        const auto written =
            write_page((offset + done) / kPageSize, within, bytes.subspan(done, size));
        if (!written.ok()) {
            return done > 0 ? Result<std::uint64_t>(done) : Err(written.error());
        }
        done += size;
    }
    return done;
}

Result<void> FileData::write_zeros(std::uint64_t offset, std::uint64_t size) {
    if (is_empty(pages_of(offset, size))) {
        return {};
    }
    const std::uint64_t end = offset + size;
    while (offset < end) {
        const std::uint64_t within = offset % kPageSize;
        const std::uint64_t part = std::min(end - offset, kPageSize - within);
        if (part == kPageSize) {
            const auto leaf = leaves_.find(offset / kPageSize / kLeafPages);
            if (leaf != leaves_.end()) {
                drop_slot(leaf->second, offset / kPageSize % kLeafPages);
            }
        } else {
            MEMCGFS_TRY(clear(offset, part));
        }
        offset += part;
    }
    return {};
}

Result<void> FileData::clear(std::uint64_t offset, std::uint64_t size) {
    MEMCGFS_ASSERT(offset % kPageSize + size <= kPageSize);
    if (const PageBank::Slot slot = slot_of(offset / kPageSize); slot != 0) {
        const std::array<std::byte, kPageSize> zeros{};
        MEMCGFS_TRY(bank_->write(slot, offset % kPageSize, std::span(zeros).first(size)));
    }
    return {};
}

}  // namespace memcgfs::files
