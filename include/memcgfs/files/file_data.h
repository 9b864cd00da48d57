// SPDX-License-Identifier: MIT
//
// The contents of one file of a tmpfs: which pages it has, and what is in them.
//
// A page that has been allocated counts, as in tmpfs, whatever is in it; only pages that are not
// all zero are kept. Offsets and sizes are bytes, indices pages. The caller's lock.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"
#include "memcgfs/files/page_bank.h"

namespace memcgfs::files {

/// Pages [first, first + count) of a file.
struct PageRun {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool operator==(const PageRun&) const = default;
};

/// The pages that bytes [offset, offset + size) lie in.
constexpr PageRun pages_of(std::uint64_t offset, std::uint64_t size) {
    if (size == 0) {
        return {offset / kPageSize, 0};
    }
    const std::uint64_t first = offset / kPageSize;
    return {first, (offset + size - 1) / kPageSize - first + 1};
}

class FileData {
public:
    explicit FileData(PageBank& bank) : bank_(&bank) {}
    ~FileData() { cut(0); }
    FileData(const FileData&) = delete;
    FileData& operator=(const FileData&) = delete;

    Pages allocated() const { return allocated_; }
    /// The parts of the range that have no pages yet, in order.
    std::vector<PageRun> holes(PageRun range) const;
    /// Pages of the range, all zero until they are written to; those that are there stay.
    void allocate(PageRun range);
    /// Frees pages with their contents.
    void free(PageRun range);
    /// Frees all pages from this one on.
    void cut(std::uint64_t first_page);

    /// Whether there is nothing but zeros in the range, as far as is known without looking.
    bool is_empty(PageRun range) const;
    /// Fills all of `bytes`; where there is no page they are zero. EIO.
    Result<void> read(std::uint64_t offset, std::span<std::byte> bytes) const;
    /// Into pages that have been allocated. How many bytes were written: fewer than asked for when
    /// there is no room for more. ENOSPC: none.
    Result<std::uint64_t> write(std::uint64_t offset, std::span<const std::byte> bytes);
    Result<void> write_zeros(std::uint64_t offset, std::uint64_t size);
    /// Makes the bytes of one page zero.
    Result<void> clear(std::uint64_t offset, std::uint64_t size);

    /// The first page of [index, end) that has been allocated, or (false) has not; `end` if there
    /// is none.
    std::uint64_t next(std::uint64_t index, std::uint64_t end, bool allocated) const;

private:
    static constexpr std::uint64_t kLeafPages = 512;
    using Slots = std::array<PageBank::Slot, kLeafPages>;
    struct Leaf {
        std::bitset<kLeafPages> allocated;
        std::unique_ptr<Slots> slots;  ///< none: all zero
    };

    template <class Visit>
    void for_leaves(PageRun range, Visit visit);
    PageBank::Slot slot_of(std::uint64_t index) const;
    void drop_slot(Leaf& leaf, std::uint64_t within);
    Result<void> write_page(std::uint64_t index, std::size_t offset,
                            std::span<const std::byte> bytes);

    PageBank* bank_;
    std::map<std::uint64_t, Leaf> leaves_;  ///< by index / kLeafPages
    Pages allocated_{};
};

}  // namespace memcgfs::files
