// SPDX-License-Identifier: MIT
#include "memcgfs/files/page_bank.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "memcgfs/base/assert.h"

namespace memcgfs::files {
namespace {

/// A file that nobody else can open, and that ends with its descriptor.
int open_unnamed(const std::string& directory) {
    const int file = open(directory.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
        return file;
    }
    std::string name = directory + "/memcgfs-XXXXXX";
    const int named = mkostemp(name.data(), O_CLOEXEC);
    if (named >= 0) {
        unlink(name.c_str());
    }
    return named;
}

}  // namespace

bool is_zero(std::span<const std::byte> bytes) {
    const std::size_t words = bytes.size() / sizeof(std::uint64_t);
    const std::byte* at = bytes.data();
    // In blocks, so that the compiler makes wide loads of it and data ends the search early.
    constexpr std::size_t kBlock = 64;
    for (std::size_t done = 0; done < words;) {
        const std::size_t count = std::min(kBlock, words - done);
        std::uint64_t any = 0;
        for (std::size_t i = 0; i < count; i++) {
            std::uint64_t word = 0;
            std::memcpy(&word, at + (done + i) * sizeof(word), sizeof(word));
            any |= word;
        }
        if (any != 0) {
            return false;
        }
        done += count;
    }
    return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(words * sizeof(std::uint64_t)),
                       bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

PageBank::Slot PageBank::Slots::take() {
    if (free.empty()) {
        return next++;
    }
    const Slot slot = free.back();
    free.pop_back();
    return slot;
}

PageBank::PageBank(Options options)
    : options_(std::move(options)), memory_slots_(static_cast<Slot>(options_.memory.count())) {
    if (memory_slots_ > 0) {
        void* const memory =
            mmap(nullptr, to_bytes(options_.memory).count(), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        MEMCGFS_ASSERT(memory != MAP_FAILED);
        // What is given back page by page must go page by page.
        madvise(memory, to_bytes(options_.memory).count(), MADV_NOHUGEPAGE);
        memory_ = static_cast<std::byte*>(memory);
    }
}

PageBank::~PageBank() {
    if (memory_ != nullptr) {
        munmap(memory_, to_bytes(options_.memory).count());
    }
    if (file_ >= 0) {
        close(file_);
    }
}

// Slots of the memory begin at 1, those of the file behind them.
std::byte* PageBank::memory_of(Slot slot) const { return memory_ + (slot - 1) * kPageSize; }

std::int64_t PageBank::place_of(Slot slot) const {
    return static_cast<std::int64_t>((slot - memory_slots_ - 1) * kPageSize);
}

Result<void> PageBank::open_file() {
    if (file_ < 0) {
        file_ = open_unnamed(options_.directory);
    }
    return file_ >= 0 ? Result<void>{} : Err(Errno::kENOSPC);
}

Result<PageBank::Slot> PageBank::put(Page page) {
    Slot slot = 0;
    {
        const MutexLock lock(mutex_);
        if (of_memory_.used() < memory_slots_) {
            slot = of_memory_.take() + 1;
        } else {
            if (of_file_.used() >= UINT32_MAX - memory_slots_ - 1) {
                return Err(Errno::kENOSPC);
            }
            MEMCGFS_TRY(open_file());
            slot = of_file_.take() + memory_slots_ + 1;
        }
    }
    if (const auto written = write(slot, 0, page); !written.ok()) {
        give_back(slot);
        return Err(written.error());
    }
    return slot;
}

void PageBank::give_back(Slot slot) {
    MEMCGFS_ASSERT(slot != 0);
    if (is_memory(slot)) {
        madvise(memory_of(slot), kPageSize, MADV_DONTNEED);
        const MutexLock lock(mutex_);
        of_memory_.free.push_back(slot - 1);
        return;
    }
    // Where holes cannot be made the room is used again all the same.
    fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place_of(slot), kPageSize);
    const MutexLock lock(mutex_);
    of_file_.free.push_back(slot - memory_slots_ - 1);
}

Result<void> PageBank::read(Slot slot, std::size_t offset, std::span<std::byte> bytes) const {
    MEMCGFS_ASSERT(slot != 0 && offset + bytes.size() <= kPageSize);
    if (is_memory(slot)) {
        std::memcpy(bytes.data(), memory_of(slot) + offset, bytes.size());
        return {};
    }
    const ssize_t size = pread(file_, bytes.data(), bytes.size(),
                               place_of(slot) + static_cast<std::int64_t>(offset));
    return size == static_cast<ssize_t>(bytes.size()) ? Result<void>{} : Err(Errno::kEIO);
}

Result<void> PageBank::write(Slot slot, std::size_t offset, std::span<const std::byte> bytes) {
    MEMCGFS_ASSERT(slot != 0 && offset + bytes.size() <= kPageSize);
    if (is_memory(slot)) {
        std::memcpy(memory_of(slot) + offset, bytes.data(), bytes.size());
        return {};
    }
    const ssize_t size = pwrite(file_, bytes.data(), bytes.size(),
                                place_of(slot) + static_cast<std::int64_t>(offset));
    if (size < 0) {
        return Err(static_cast<Errno>(errno));
    }
    return size == static_cast<ssize_t>(bytes.size()) ? Result<void>{} : Err(Errno::kENOSPC);
}

Pages PageBank::in_memory() const {
    const MutexLock lock(mutex_);
    return Pages{of_memory_.used()};
}

Pages PageBank::in_file() const {
    const MutexLock lock(mutex_);
    return Pages{of_file_.used()};
}

}  // namespace memcgfs::files
