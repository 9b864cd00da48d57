// SPDX-License-Identifier: MIT
//
// The machine's memory as blocks of 128 MiB, the units of hotplug (drivers/base/memory.c, 6.1).
//
// Physical addresses begin at 0 and have no holes: the zones of each node lie one behind the other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "memcgfs/engine/machine_stat.h"

namespace memcgfs::interface {

struct MemoryBlock {
    struct Place {
        engine::NodeId node = 0;
        engine::ZoneType zone{};
    };
    /// Nothing: the block is of several zones, or not all of it is memory. It stays online.
    std::optional<Place> place;
    bool online = true;
    bool going_offline = false;
};

inline constexpr Pages kMemoryBlockPages{32768};

/// Those of a machine of which nothing is offline.
std::vector<MemoryBlock> memory_blocks(const engine::MachineStat& machine);

}  // namespace memcgfs::interface
