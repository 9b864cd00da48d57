// SPDX-License-Identifier: MIT
#include "meter/swap_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "memcgfs/base/assert.h"

namespace memcgfs::meter {

namespace {

constexpr std::array<std::byte, kPageSize> kZeroPage{};

bool is_zero(SwapFile::ConstPage page) {
    return std::memcmp(page.data(), kZeroPage.data(), kPageSize) == 0;
}

off_t place_of(SwapFile::Slot slot) {
    return static_cast<off_t>(std::uint64_t{slot - 1} * kPageSize);
}

}  // namespace

Result<UniqueFd> SwapFile::make_file(const std::string& directory) {
    UniqueFd file(open(directory.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid() && (errno == EOPNOTSUPP || errno == EISDIR)) {
        std::string name = directory + "/memcgfs-swap-XXXXXX";
        file.reset(mkostemp(name.data(), O_CLOEXEC));
        if (file.valid()) {
            unlink(name.c_str());
        }
    }
    // A file system that is full, or takes no such files, says so now.
    if (file.valid() &&
        pwrite(file.get(), kZeroPage.data(), kPageSize, 0) != static_cast<ssize_t>(kPageSize)) {
        return Err(Errno::kENOSPC);
    }
    if (!file.valid()) {
        return Err(static_cast<Errno>(errno));
    }
    return file;
}

Result<SwapFile::Slot> SwapFile::put(ConstPage page) {
    if (is_zero(page)) {
        return kZeros;
    }
    Slot slot = 0;
    {
        const MutexLock lock(mutex_);
        if (free_.empty()) {
            owners_.push_back(0);
            slot = static_cast<Slot>(owners_.size());
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        owners_[slot - 1] = 1;
    }
    const ssize_t size = pwrite(file_.get(), page.data(), page.size(), place_of(slot));
    if (size == static_cast<ssize_t>(page.size())) {
        return slot;
    }
    const Errno error = size < 0 ? static_cast<Errno>(errno) : Errno::kENOSPC;
    give_back(slot);
    return Err(error);
}

Result<void> SwapFile::get(Slot slot, Page page) const {
    if (slot == kZeros) {
        std::fill(page.begin(), page.end(), std::byte{0});
        return {};
    }
    const ssize_t size = pread(file_.get(), page.data(), page.size(), place_of(slot));
    return size == static_cast<ssize_t>(page.size()) ? Result<void>{} : Err(Errno::kEIO);
}

void SwapFile::share(Slot slot) {
    if (slot != kZeros) {
        const MutexLock lock(mutex_);
        owners_[slot - 1]++;
    }
}

void SwapFile::give_back(Slot slot) {
    if (slot == kZeros) {
        return;
    }
    {
        const MutexLock lock(mutex_);
        MEMCGFS_ASSERT(owners_[slot - 1] > 0);
        if (--owners_[slot - 1] > 0) {
            return;
        }
    }
    // Where holes cannot be made the room is used again all the same.
    fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place_of(slot), kPageSize);
    const MutexLock lock(mutex_);
    free_.push_back(slot);
}

Pages SwapFile::used() const {
    const MutexLock lock(mutex_);
    return Pages{owners_.size() - free_.size()};
}

}  // namespace memcgfs::meter
