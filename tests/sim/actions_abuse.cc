// SPDX-License-Identifier: MIT
//
// Callers that ask for nonsense: ids of things that have gone, numbers near 2^64, two operations
// of one task at a time. The answer is an errno, never an assertion, and nothing is half done.
#include <array>

#include "sim/actions.h"
#include "sim/world.h"

namespace memcgfs::test {

namespace {

using namespace engine;

/// A number that arithmetic easily gets wrong.
std::uint64_t nasty(World& world) {
    const std::uint64_t edges[] = {0,          1,          UINT64_MAX,       UINT64_MAX - 1,
                                   1ULL << 63, 1ULL << 52, (1ULL << 52) - 1, 1ULL << 32};
    return edges[world.below(std::size(edges))];
}

/// A far range: most of them would need more memory than there is, so it must fail at once.
void touch_nonsense(World& world) {
    if (const TaskId task = world.pick_idle_task()) {
        const Engine::Range range{nasty(world) - world.below(3), nasty(world)};
        const bool overflows = range.count > UINT64_MAX - range.first;
        if (overflows || range.count < 2) {
            const MappingId mapping = world.pick(world.mappings);
            world.start(task, world.one_in(2)
                                  ? world.engine().touch(task, mapping, range, Access::kWrite)
                                  : world.engine().file_io(task, mapping, range, Access::kRead));
        }
    }
}

void act_as_the_dead(World& world) {
    const TaskId task = world.pick(world.tasks);
    const MappingId mapping = world.pick(world.mappings);
    if (world.engine().find(task) != nullptr) {
        return;
    }
    world.engine().exit_task(task);
    world.engine().map_mapping(task, mapping);
    world.engine().unmap_mapping(task, mapping, false);
    world.start(world.engine().touch(task, mapping, {0, 5}, Access::kWrite));
    world.start(world.engine().file_io(task, mapping, {0, 5}, Access::kRead));
    world.start(world.engine().pageout(task));
}

/// Two threads of one process fault at once.
void two_at_a_time(World& world) {
    const TaskId task = world.pick(world.tasks);
    if (world.engine().find(task) != nullptr && !world.mappings.empty()) {
        const Engine::Range range{0, 1 + world.below(world.swarm().scale)};
        world.start(task,
                    world.engine().touch(task, world.pick(world.mappings), range, Access::kWrite));
        world.start(task, world.engine().pageout(task));
    }
}

void nasty_limits(World& world) {
    const Cgroup* group = world.pick_limited_group();
    if (group == nullptr) {
        return;
    }
    Engine& engine = world.engine();
    Memcg& memcg = *group->memcg;
    const Pages pages = pages_floor(Bytes{nasty(world)});
    switch (world.below(4)) {
        case 0:
            return world.start(group->is_v2()
                                   ? engine.set_memory_max(memcg, pages)
                                   : engine.set_limit(memcg, CounterKind::kMemsw, pages));
        case 1:
            return engine.set_min(memcg, pages);
        case 2:
            return engine.set_low(memcg, pages);
        default:
            return world.start(engine.reclaim_pages(memcg, Pages{nasty(world)}, {}));
    }
}

/// A group is removed under an operation on it.
void write_and_remove(World& world) {
    const Cgroup* group = world.pick_limited_group();
    if (group == nullptr) {
        return;
    }
    world.start(world.engine().reclaim_pages(*group->memcg, Pages{50}, {}));
    world.start(world.engine().set_memory_high(*group->memcg, Pages{10}));
    const CgroupId id = group->id;
    if (world.engine().remove_cgroup(id).ok()) {
        std::erase(world.groups, id);
    }
}

void use_what_is_gone(World& world) {
    const MappingId mapping = world.pick(world.mappings);
    world.engine().destroy_mapping(mapping);
    world.engine().destroy_mapping(mapping);
    world.engine().drop_mapping(mapping);
    world.engine().lock_mapping(mapping);
    world.engine().unlock_mapping(mapping);
    world.start(world.engine().sync_mapping(mapping));
    world.engine().map_mapping(world.pick(world.tasks), mapping);
}

constexpr std::array kActions{
    Action{"touch_nonsense", 1, touch_nonsense},
    Action{"act_as_the_dead", 1, act_as_the_dead},
    Action{"two_at_a_time", 1, two_at_a_time},
    Action{"nasty_limits", 1, nasty_limits},
    Action{"write_and_remove", 1, write_and_remove},
    Action{"use_what_is_gone", 1, use_what_is_gone},
};

}  // namespace

std::span<const Action> abuse_actions() { return kActions; }

}  // namespace memcgfs::test
