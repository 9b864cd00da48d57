// SPDX-License-Identifier: MIT
//
// New memory of a conformance case's program, and what it must hold.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace memory {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMb = 1 << 20;

struct Region {
    char* start = nullptr;
    std::size_t size = 0;
};

/// What the page at `at` holds: its first and last byte.
inline char mark_of(const char* at) {
    return static_cast<char>(1 + reinterpret_cast<std::uintptr_t>(at) / kPage % 97);
}

inline void write_page(char* at) {
    static_cast<volatile char*>(at)[0] = mark_of(at);
    static_cast<volatile char*>(at)[kPage - 1] = mark_of(at);
}

inline void write_all(Region region) {
    for (std::size_t at = 0; at < region.size; at += kPage) {
        write_page(region.start + at);
    }
}

inline bool holds_marks(Region region) {
    for (std::size_t at = 0; at < region.size; at += kPage) {
        const volatile char* const page = region.start + at;
        if (page[0] != mark_of(region.start + at) || page[kPage - 1] != page[0]) {
            errno = EIO;
            return false;
        }
    }
    return true;
}

inline bool holds_zeros(Region region) {
    for (std::size_t at = 0; at < region.size; at += kPage) {
        if (region.start[at] != 0) {
            errno = EIO;
            return false;
        }
    }
    return true;
}

/// Regions in the order of their making.
class Regions {
public:
    bool make(std::size_t bytes, int flags = 0, int advice = MADV_NOHUGEPAGE) {
        void* const start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
        if (start == MAP_FAILED) {
            return false;
        }
        madvise(start, bytes, advice);
        made_.push_back({static_cast<char*>(start), bytes});
        return true;
    }
    Region& last() { return made_.back(); }
    /// Gives the last one back.
    bool drop() {
        const Region region = made_.back();
        made_.pop_back();
        return munmap(region.start, region.size) == 0;
    }

private:
    std::vector<Region> made_;
};

}  // namespace memory
