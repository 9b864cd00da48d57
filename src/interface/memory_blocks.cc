// SPDX-License-Identifier: MIT
#include "interface/memory_blocks.h"

namespace memcgfs::interface {

std::vector<MemoryBlock> memory_blocks(const engine::MachineStat& machine) {
    const std::uint64_t block = kMemoryBlockPages.count();
    std::vector<MemoryBlock> blocks;
    std::uint64_t first = 0;  // page of the zone
    for (std::size_t node = 0; node < machine.nodes.size(); node++) {
        for (const engine::ZoneStat& zone : machine.nodes[node].zones) {
            const std::uint64_t end = first + zone.managed.count();
            for (std::uint64_t page = first; page < end; page = (page / block + 1) * block) {
                const std::uint64_t number = page / block;
                if (number == blocks.size()) {
                    blocks.emplace_back();
                }
                if (page % block == 0 && page + block <= end) {
                    blocks[number].place = {static_cast<engine::NodeId>(node), zone.type};
                }
            }
            first = end;
        }
    }
    return blocks;
}

}  // namespace memcgfs::interface
