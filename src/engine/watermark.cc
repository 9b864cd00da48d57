// SPDX-License-Identifier: MIT
#include "engine/watermark.h"

#include <algorithm>

namespace memcgfs::engine {

namespace {

constexpr std::uint64_t kKilobytesPerPage = 4;
constexpr std::uint64_t kMinFreeKbytesMin = 128;
constexpr std::uint64_t kPageblockPages = 512;
/// set_recommended_min_free_kbytes: two free blocks a zone, and some for each pair of the three
/// kinds of pages that fallback keeps apart.
constexpr std::uint64_t kThpBlocks = 2 + 3 * 3;
constexpr std::uint64_t kScaleDenominator = 10000;
/// The min mark of zones that the kernel itself does not depend on.
constexpr Pages kSmallMinLeast{32};
constexpr Pages kSmallMinMost{128};

std::uint64_t int_sqrt(std::uint64_t value) {
    std::uint64_t root = 0;
    for (std::uint64_t bit = 1ULL << 31U; bit != 0; bit >>= 1U) {
        const std::uint64_t next = root + bit;
        if (next * next <= value) {
            root = next;
        }
    }
    return root;
}

/// Pages of all zones up to Normal that are above their high mark (nr_free_buffer_pages).
Pages buffer_pages(std::span<const Node> nodes) {
    Pages sum{};
    for (const Node& node : nodes) {
        for (std::size_t type = 0; type <= static_cast<std::size_t>(ZoneType::kNormal); type++) {
            const Zone& zone = node.zones[type];
            if (zone.managed > zone.marks.high) {
                sum += zone.managed - zone.marks.high;
            }
        }
    }
    return sum;
}

std::uint64_t thp_min_free_kbytes(std::span<const Node> nodes) {
    std::uint64_t zones = 0;
    for (const Node& node : nodes) {
        for (std::size_t type = 0; type <= static_cast<std::size_t>(ZoneType::kNormal); type++) {
            zones += node.zones[type].managed > Pages{0} ? 1 : 0;
        }
    }
    const std::uint64_t wanted = kThpBlocks * kPageblockPages * zones;
    return std::min(wanted, buffer_pages(nodes).count() / 20) * kKilobytesPerPage;
}

bool small_min(ZoneType type, const Profile& profile) {
    return type == ZoneType::kMovable && profile.movable_has_small_min;
}

}  // namespace

std::uint64_t default_min_free_kbytes(std::span<const Node> nodes, const Profile& profile,
                                      bool thp) {
    const std::uint64_t low_kb = buffer_pages(nodes).count() * kKilobytesPerPage;
    const std::uint64_t computed =
        std::clamp(int_sqrt(low_kb * 16), kMinFreeKbytesMin, profile.min_free_kbytes_max);
    return thp ? std::max(computed, thp_min_free_kbytes(nodes)) : computed;
}

void init_marks(std::span<Node> nodes, VmKnobs& knobs, const Profile& profile, bool thp) {
    knobs.min_free_kbytes = std::max(default_min_free_kbytes(nodes, profile, thp),
                                     knobs.user_min_free_kbytes.value_or(0));
    setup_per_zone_wmarks(nodes, knobs, profile);
    setup_per_zone_lowmem_reserve(nodes, knobs);
}

void setup_per_zone_wmarks(std::span<Node> nodes, const VmKnobs& knobs, const Profile& profile) {
    const std::uint64_t pages_min = knobs.min_free_kbytes / kKilobytesPerPage;
    std::uint64_t distributing = 0;
    for (const Node& node : nodes) {
        for (std::size_t type = 0; type < kZoneTypeCount; type++) {
            if (!small_min(static_cast<ZoneType>(type), profile)) {
                distributing += node.zones[type].managed.count();
            }
        }
    }
    for (Node& node : nodes) {
        for (std::size_t type = 0; type < kZoneTypeCount; type++) {
            Zone& zone = node.zones[type];
            const Pages share{distributing == 0
                                  ? 0
                                  : pages_min * zone.managed.count() / distributing};
            zone.marks.min = small_min(static_cast<ZoneType>(type), profile)
                                 ? std::clamp(zone.managed / 1024, kSmallMinLeast, kSmallMinMost)
                                 : share;
            const Pages step{
                std::max(share.count() / 4, zone.managed.count() * knobs.watermark_scale_factor /
                                                kScaleDenominator)};
            zone.marks.low = zone.marks.min + step;
            zone.marks.high = zone.marks.low + step;
            zone.marks.promo = zone.marks.high + step;
        }
    }
}

void setup_per_zone_lowmem_reserve(std::span<Node> nodes, const VmKnobs& knobs) {
    for (Node& node : nodes) {
        for (std::size_t type = 0; type < kZoneTypeCount; type++) {
            Zone& zone = node.zones[type];
            const std::uint32_t ratio = knobs.lowmem_reserve_ratio[type];
            Pages higher{};
            for (std::size_t highest = 0; highest < kZoneTypeCount; highest++) {
                higher += highest > type ? node.zones[highest].managed : Pages{0};
                const bool none = highest <= type || ratio == 0 || zone.managed == Pages{0};
                zone.lowmem_reserve[highest] = none ? Pages{0} : higher / ratio;
            }
        }
    }
}

Pages total_reserve(std::span<const Node> nodes) {
    Pages sum{};
    for (const Node& node : nodes) {
        for (const Zone& zone : node.zones) {
            const Pages largest =
                *std::max_element(zone.lowmem_reserve.begin(), zone.lowmem_reserve.end());
            sum += std::min(largest + zone.marks.high, zone.managed);
        }
    }
    return sum;
}

}  // namespace memcgfs::engine
