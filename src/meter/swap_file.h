// SPDX-License-Identifier: MIT
//
// Where the contents of evicted pages are: a sparse file without a name, a page a slot. A slot that
// several processes have (after a fork) is given back by the last of them. Pages of zeros take
// none.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/result.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/base/units.h"

namespace memcgfs::meter {

class SwapFile {
public:
    using Slot = std::uint32_t;
    static constexpr Slot kZeros = 0;  ///< no slot: the page holds nothing but zeros
    using Page = std::span<std::byte, kPageSize>;
    using ConstPage = std::span<const std::byte, kPageSize>;

    /// In a directory. Errors are those of open(2), and ENOSPC where nothing can be written.
    static Result<UniqueFd> make_file(const std::string& directory);
    explicit SwapFile(UniqueFd file) : file_(std::move(file)) {}

    /// ENOSPC and others: nothing is kept.
    Result<Slot> put(ConstPage page);
    /// EIO and others.
    Result<void> get(Slot slot, Page page) const;
    /// One more has it.
    void share(Slot slot);
    /// One has it no more.
    void give_back(Slot slot);

    Pages used() const;

private:
    const UniqueFd file_;
    mutable Mutex mutex_{LockRank::kLeaf};
    /// By slot, from 1 on: who has it.
    std::vector<std::uint32_t> owners_ MEMCGFS_GUARDED_BY(mutex_);
    std::vector<Slot> free_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::meter
