// SPDX-License-Identifier: MIT
//
// The number that a member process carries in its RLIMIT_LOCKS soft limit.
//
// Linux has ignored that limit since 2.4.25, and hands it on at fork and exec exactly as group
// membership is handed on. Layout, from the top: 6 bits magic, 26 bits world id, 32 bits
// css_set. It can never be RLIM_INFINITY, which is what a process without a tag has.
#pragma once

#include <cstdint>
#include <optional>

namespace memcgfs::world {

inline constexpr unsigned kWorldIdBits = 26;
inline constexpr std::uint64_t kTagMagic = 0x2D;

constexpr std::uint64_t encode_tag(std::uint32_t world_id, std::uint32_t css_set) {
    return (kTagMagic << 58U) | (std::uint64_t{world_id} << 32U) | css_set;
}

/// The css_set, or nothing if this is no tag of world `world_id`.
constexpr std::optional<std::uint32_t> decode_tag(std::uint64_t limit, std::uint32_t world_id) {
    if (limit >> 32U != encode_tag(world_id, 0) >> 32U) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(limit);
}

}  // namespace memcgfs::world
