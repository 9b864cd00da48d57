// SPDX-License-Identifier: MIT
#include "engine/node.h"

#include <algorithm>

namespace memcgfs::engine {

namespace {

/// What a PC has below 16 MiB and below 4 GiB, where devices take the last GiB.
constexpr Pages kDmaPages{3840};
constexpr Pages kDma32Pages{(3ULL << 18U) - 4096};

MachineNode pc_node(Pages memory) {
    MachineNode node;
    Pages left = memory;
    const auto take = [&](ZoneType zone, Pages most) {
        const Pages pages = std::min(left, most);
        node.managed[static_cast<std::size_t>(zone)] = pages;
        left -= pages;
    };
    take(ZoneType::kDma, kDmaPages);
    take(ZoneType::kDma32, kDma32Pages);
    take(ZoneType::kNormal, left);
    return node;
}

}  // namespace

std::vector<Node> nodes_of(const Machine& machine) {
    std::vector<MachineNode> shapes = machine.nodes;
    if (shapes.empty()) {
        shapes.push_back(pc_node(machine.memory));
    }
    std::vector<Node> nodes(shapes.size());
    for (std::size_t node = 0; node < shapes.size(); node++) {
        for (std::size_t zone = 0; zone < kZoneTypeCount; zone++) {
            nodes[node].zones[zone].managed = shapes[node].managed[zone];
            nodes[node].zones[zone].free = shapes[node].managed[zone];
        }
    }
    return nodes;
}

NodeId node_of_cpu(std::size_t nodes, std::size_t cpu, std::size_t cpus) {
    return nodes == 1 ? NodeId{0} : static_cast<NodeId>(cpu * nodes / cpus);
}

}  // namespace memcgfs::engine
