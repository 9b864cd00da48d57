// SPDX-License-Identifier: MIT
//
// NUMA nodes and their zones (struct pglist_data, struct zone; 6.1).
//
// Invariant: a zone's pages are free, resident in some mapping, or reserved by an operation that
// is about to make them resident. Engine lock held for everything.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "memcgfs/base/operation.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/machine_stat.h"
#include "memcgfs/engine/profile.h"
#include "memcgfs/engine/stat_items.h"

namespace memcgfs::engine {

/// Below which number of free pages what begins (enum zone_watermarks).
struct ZoneMarks {
    Pages min{};   ///< ordinary allocations end here
    Pages low{};   ///< kswapd begins here
    Pages high{};  ///< kswapd ends here
    Pages promo{};
    bool operator==(const ZoneMarks&) const = default;
};

struct Zone {
    Pages managed{};
    Pages free{};
    Pages isolated{};  ///< free, and about to leave the machine
    std::uint32_t blocks_offline = 0;
    Pages reserved{};  ///< allocated by operations that have not used them yet
    ZoneMarks marks;
    std::array<Pages, kLruListCount> lists{};  ///< of all groups
    /// Kept free from allocations that could use a higher zone, by the highest they could.
    std::array<Pages, kZoneTypeCount> lowmem_reserve{};

    Pages& list(LruList which) { return lists[static_cast<std::size_t>(which)]; }
    const Pages& list(LruList which) const { return lists[static_cast<std::size_t>(which)]; }

    /// What an allocation of the highest zone may take without going to or below `mark`.
    Pages above(Pages mark) const {
        const Pages kept = mark + lowmem_reserve[static_cast<std::size_t>(ZoneType::kMovable)];
        return free > kept ? free - kept : Pages{0};
    }
};

/// The node's reclaiming kernel thread.
struct Kswapd {
    bool running = false;
    OperationId operation{};
    unsigned failures = 0;  ///< runs in a row that freed nothing; 16: hopeless, stays asleep
};

struct Node {
    std::array<Zone, kZoneTypeCount> zones{};
    Kswapd kswapd;
    NumaEvents numa{};
    /// v1: groups over their soft limit by how much, the worst last (mem_cgroup_tree_per_node).
    std::set<std::pair<Pages, MemcgId>> soft_limit_tree;

    Zone& zone(ZoneType type) { return zones[static_cast<std::size_t>(type)]; }
    const Zone& zone(ZoneType type) const { return zones[static_cast<std::size_t>(type)]; }
};

/// Where an allocated page is.
struct PagePlace {
    NodeId node = 0;
    ZoneType zone = ZoneType::kDma;
    bool operator==(const PagePlace&) const = default;
};

/// The nodes of a machine, all free; one like a PC's where the machine names none.
std::vector<Node> nodes_of(const Machine& machine);

/// The node of a CPU: CPUs are dealt out to the nodes in blocks.
NodeId node_of_cpu(std::size_t nodes, std::size_t cpu, std::size_t cpus);

}  // namespace memcgfs::engine
