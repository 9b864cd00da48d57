// SPDX-License-Identifier: MIT
//
// The machine itself: memory policies, pages that move between nodes, blocks taken away and given
// back, the sysctls of the watermarks.
#include <algorithm>
#include <array>

#include "sim/actions.h"
#include "sim/world.h"

namespace memcgfs::test {

namespace {

using namespace engine;

/// Some nodes, now and then one that the machine lacks.
NodeMask some_nodes(World& world) { return static_cast<NodeMask>(world.below(1U << 3U)); }

std::size_t node_count(const World& world) {
    return std::max<std::size_t>(1, world.swarm().machine.nodes.size());
}

void set_mempolicy(World& world) {
    const MemPolicy policy{.mode = static_cast<MemPolicy::Mode>(world.below(4)),
                           .nodes = some_nodes(world)};
    static_cast<void>(world.engine().set_mempolicy(world.pick(world.tasks), policy));
}

void migrate_pages(World& world) {
    if (const TaskId task = world.pick_idle_task()) {
        world.start(task, world.engine().migrate_pages(task, some_nodes(world), some_nodes(world)));
    }
}

ZoneType some_zone(World& world) { return static_cast<ZoneType>(world.below(kZoneTypeCount)); }

void offline_memory(World& world) {
    const auto node = static_cast<NodeId>(world.below(node_count(world)));
    world.start(world.engine().offline_memory(node, some_zone(world)));
}

void online_memory(World& world) {
    const auto node = static_cast<NodeId>(world.below(node_count(world)));
    static_cast<void>(world.engine().online_memory(node, some_zone(world)));
}

void set_min_free(World& world) {
    const auto kbytes = static_cast<std::int64_t>(world.below(world.swarm().scale));
    static_cast<void>(world.engine().set_min_free_kbytes(world.one_in(8) ? -kbytes : kbytes));
}

void set_watermark_scale(World& world) {
    static_cast<void>(world.engine().set_watermark_scale_factor(
        static_cast<std::int64_t>(world.below(world.one_in(4) ? 4000 : 100))));
}

constexpr std::array kActions{
    Action{"set_mempolicy", 2, set_mempolicy},
    Action{"migrate_pages", 2, migrate_pages},
    Action{"offline_memory", 1, offline_memory},
    Action{"online_memory", 1, online_memory},
    Action{"set_min_free", 1, set_min_free},
    Action{"set_watermark_scale", 1, set_watermark_scale},
};

}  // namespace

std::span<const Action> node_actions() { return kActions; }

}  // namespace memcgfs::test
