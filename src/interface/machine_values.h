// SPDX-License-Identifier: MIT
//
// Where the numbers of /proc/meminfo, /proc/vmstat and /proc/zoneinfo come from.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "interface/tables.h"
#include "memcgfs/engine/machine_stat.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::interface {

/// What meminfo is made from, of the machine or of one node; in pages.
struct MemValues {
    const std::int64_t* items = nullptr;  ///< by StatItem
    std::uint64_t managed = 0;
    std::uint64_t free = 0;
    std::uint64_t available = 0;  ///< machine only
    std::uint64_t swap = 0;
    std::uint64_t swap_free = 0;
    std::uint64_t zswap_pool = 0;
    std::uint64_t zswapped = 0;

    std::uint64_t item(engine::StatItem which) const {
        return static_cast<std::uint64_t>(items[static_cast<std::size_t>(which)]);
    }
};

MemValues values_of(const engine::MachineStat& stat);
MemValues values_of(const engine::NodeStat& node);

/// One line of vmstat or zoneinfo.
struct NumberLine {
    enum class Source : std::uint8_t {
        kZero,
        kFreePages,
        kZoneList,  ///< number: LruList
        kItem,      ///< number: StatItem
        kItemKb,    ///< likewise, in kB
        kItemHuge,  ///< likewise, in huge pages
        kFilePages,
        kEvent,  ///< number: VmEvent
        kDirtyThreshold,
        kDirtyBackgroundThreshold,
    };
    std::string_view name;
    Source source = Source::kZero;
    std::uint8_t number = 0;
    engine::KernelVersion since = kSinceEver;
    engine::KernelVersion until = kForEver;
};

/// The lines of a zone, of a node, and the counters, as the profile's kernel has them.
std::vector<NumberLine> zone_lines(const engine::Profile& profile);
std::vector<NumberLine> node_lines(const engine::Profile& profile);
std::vector<NumberLine> event_lines(const engine::Profile& profile);

std::uint64_t value_of(const NumberLine& line, const engine::ZoneStat& zone);
std::uint64_t value_of(const NumberLine& line, const engine::NodeStat& node);
/// Counters; 0 for lines that belong to zones.
std::uint64_t value_of(const NumberLine& line, const engine::MachineStat& stat);

}  // namespace memcgfs::interface
