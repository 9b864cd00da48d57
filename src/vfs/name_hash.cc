// SPDX-License-Identifier: MIT
#include "memcgfs/vfs/tree.h"

namespace memcgfs::vfs {

std::uint32_t name_hash(std::string_view name) {
    constexpr std::uint64_t kGoldenRatio64 = 0x61C8864680B583EBULL;
    constexpr std::uint32_t kMax = 0x7fffffffU;  // the end of a directory
    std::uint64_t sum = 0;
    for (const char character : name) {
        const std::uint64_t byte = static_cast<unsigned char>(character);
        sum = (sum + (byte << 4U) + (byte >> 4U)) * 11;
    }
    const auto hash = static_cast<std::uint32_t>((sum * kGoldenRatio64) >> 32U) & kMax;
    if (hash < 2) {
        return hash + 2;  // 0 and 1 are the positions of "." and ".."
    }
    return hash == kMax ? kMax - 1 : hash;
}

}  // namespace memcgfs::vfs
