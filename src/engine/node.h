// SPDX-License-Identifier: MIT
//
// NUMA nodes and their zones (struct pglist_data, struct zone; 6.1).
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::engine {

struct Zone {
    Pages managed{};
};

struct Node {
    std::array<Zone, kZoneTypeCount> zones{};
};

/// The nodes of a machine; one like a PC's where the machine names none.
std::vector<Node> nodes_of(const Machine& machine);

/// The node of a CPU: CPUs are dealt out to the nodes in blocks.
NodeId node_of_cpu(std::size_t nodes, std::size_t cpu, std::size_t cpus);

}  // namespace memcgfs::engine
