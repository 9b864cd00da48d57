// SPDX-License-Identifier: MIT
//
// min_free_kbytes, the zones' marks and lowmem reserves: the arithmetic (mm/page_alloc.c, 6.1 and
// 6.12; spec engine.md 4.1, 4.2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/node.h"

namespace memcgfs::engine {

/// The sysctls behind the marks.
struct VmKnobs {
    std::uint64_t min_free_kbytes = 0;
    /// As last written; none: the computed value counts.
    std::optional<std::uint64_t> user_min_free_kbytes{};
    std::uint32_t watermark_scale_factor = 10;
    /// By zone; 0: no reserve.
    std::array<std::uint32_t, kZoneTypeCount> lowmem_reserve_ratio{256, 256, 32, 0};
};

/// isqrt(kB of ordinary memory * 16), clamped; more with huge pages enabled.
std::uint64_t default_min_free_kbytes(std::span<const Node> nodes, const Profile& profile,
                                      bool thp);

/// Computes everything again: after boot, hotplug and writes (init_per_zone_wmark_min).
void init_marks(std::span<Node> nodes, VmKnobs& knobs, const Profile& profile, bool thp);

/// Marks from the knobs as they are (setup_per_zone_wmarks).
void setup_per_zone_wmarks(std::span<Node> nodes, const VmKnobs& knobs, const Profile& profile);
void setup_per_zone_lowmem_reserve(std::span<Node> nodes, const VmKnobs& knobs);

/// What the marks and reserves keep away from user space (totalreserve_pages).
Pages total_reserve(std::span<const Node> nodes);

}  // namespace memcgfs::engine
