// SPDX-License-Identifier: MIT
//
// Which pages of a process have been evicted, and where their contents are. Addresses are those of
// pages.
//
// Threads: one at a time (the gate's lock).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "memcgfs/base/units.h"
#include "meter/private_memory.h"
#include "meter/swap_file.h"

namespace memcgfs::meter {

class EvictedPages {
public:
    /// The file outlives it.
    explicit EvictedPages(SwapFile& file) : file_(&file) {}
    ~EvictedPages();
    EvictedPages(EvictedPages&& other) noexcept;
    EvictedPages& operator=(EvictedPages&&) = delete;

    Pages count() const { return Pages{slots_.size()}; }
    bool empty() const { return slots_.empty(); }
    std::optional<SwapFile::Slot> find(std::uint64_t address) const;
    /// The first one at the address or behind it.
    std::optional<std::uint64_t> next(std::uint64_t address) const;
    /// How many pages in a row from the address on have been evicted, up to `most`.
    Pages run(std::uint64_t address, Pages most) const;
    /// How many pages in a row from the address on have not, up to `most`.
    Pages gap(std::uint64_t address, Pages most) const;

    /// Takes the slot over.
    void add(std::uint64_t address, SwapFile::Slot slot);
    void drop(std::uint64_t start, std::uint64_t end);
    void drop_all() { drop(0, UINT64_MAX); }
    /// What was at one place is at another (mremap(2)).
    void move(std::uint64_t from, std::uint64_t to, std::uint64_t length);
    /// What is in none of these ranges, which are in order, is dropped.
    void keep_only(const std::vector<PrivateMemory>& ranges);
    /// The same pages, for a process that has been forked.
    EvictedPages copy() const;

    SwapFile& file() const { return *file_; }

private:
    SwapFile* file_;
    std::map<std::uint64_t, SwapFile::Slot> slots_;
};

}  // namespace memcgfs::meter
