// SPDX-License-Identifier: MIT
//
// Where the contents of files are: pages of real memory up to a bound, then pages of a temporary
// file that has no name, so that nothing of it is left behind.
//
// Zeros are the caller's affair: a bank is only asked to keep what is worth keeping.
//
// Threads: all methods by any thread; a slot's content is guarded by whoever has the slot.
// Lock: LockRank::kLeaf, not held while a page is copied, read or written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/base/result.h"
#include "memcgfs/base/units.h"

namespace memcgfs::files {

class PageBank {
public:
    /// Names a page that is kept; 0 is none.
    using Slot = std::uint32_t;
    using Page = std::span<const std::byte, kPageSize>;

    struct Options {
        Pages memory{16384};                 ///< 64 MiB of real memory, used as it is needed
        std::string directory = "/var/tmp";  ///< where the temporary file is made, if need be
    };

    explicit PageBank(Options options);
    ~PageBank();
    PageBank(const PageBank&) = delete;
    PageBank& operator=(const PageBank&) = delete;

    /// Keeps a copy. ENOSPC and the like: the memory is full, and the file has no room.
    Result<Slot> put(Page page);
    void give_back(Slot slot);
    /// EIO. The bytes from `offset` on of one page.
    Result<void> read(Slot slot, std::size_t offset, std::span<std::byte> bytes) const;
    Result<void> write(Slot slot, std::size_t offset, std::span<const std::byte> bytes);

    Pages in_memory() const;
    Pages in_file() const;

private:
    struct Slots {
        std::vector<Slot> free;  ///< that have been used
        Slot next = 0;           ///< the first that has never been
        std::uint64_t used() const { return next - free.size(); }
        Slot take();
    };

    bool is_memory(Slot slot) const { return slot <= memory_slots_; }
    std::byte* memory_of(Slot slot) const;
    std::int64_t place_of(Slot slot) const;
    Result<void> open_file() MEMCGFS_REQUIRES(mutex_);

    const Options options_;
    const Slot memory_slots_;
    std::byte* memory_ = nullptr;
    mutable Mutex mutex_{LockRank::kLeaf};
    Slots of_memory_ MEMCGFS_GUARDED_BY(mutex_);
    Slots of_file_ MEMCGFS_GUARDED_BY(mutex_);
    int file_ = -1;  ///< written once, under the lock, before the first slot of it is given out
};

/// Whether all of it is zero.
bool is_zero(std::span<const std::byte> bytes);

}  // namespace memcgfs::files
