// SPDX-License-Identifier: MIT
//
// Tasks come, move and die, at rest and in the middle of what they do.
#include <array>

#include "sim/actions.h"
#include "sim/world.h"

namespace memcgfs::test {

namespace {

using namespace engine;

void attach(World& world, TaskId task, CgroupId group) {
    auto moved = world.engine().migrate_task(task, group);
    if (moved.ok() && *moved != nullptr) {
        world.start(std::move(moved).value());  // v1: its charges may come along
    } else if (!moved.ok() && moved.error() != Errno::kEBUSY && moved.error() != Errno::kENODEV &&
               moved.error() != Errno::kESRCH && moved.error() != Errno::kENOSPC) {
        throw Violation("errno", "migrate_task");
    }
}

void add_task(World& world) {
    if (world.tasks.size() >= world.swarm().tasks_max) {
        std::erase_if(world.tasks, [&](TaskId id) { return world.engine().find(id) == nullptr; });
        return;
    }
    TaskInfo info;
    info.pid = world.next_pid++;
    info.comm = "task";
    const std::int32_t adjustments[] = {0, 0, 0, 0, -1000, 1000, 300};
    info.oom_score_adj = adjustments[world.below(std::size(adjustments))];
    const TaskId task = world.engine().add_task(info, {{world.pick(world.groups), {}}});
    world.tasks.push_back(task);
    // EBUSY (a v2 group that hands out memory) leaves it where it is.
    attach(world, task, world.pick(world.groups));
}

void exit_task(World& world) { world.engine().exit_task(world.pick(world.tasks)); }

/// A process vanishes while its operation is under way.
void exit_busy_task(World& world) {
    for (const TaskId id : world.tasks) {
        const Task* task = world.engine().find(id);
        if (task != nullptr && task->operation != OperationId{}) {
            return world.engine().exit_task(id);
        }
    }
}

void move_task(World& world) { attach(world, world.pick(world.tasks), world.pick(world.groups)); }

void change_oom_score(World& world) {
    if (Task* task = world.engine().find(world.pick(world.tasks)); task != nullptr) {
        task->info.oom_score_adj = static_cast<std::int32_t>(world.below(2001)) - 1000;
    }
}

/// fork: the child is where its parent is and shares its regions.
void fork_task(World& world) {
    const Task* parent = world.engine().find(world.pick(world.tasks));
    if (parent == nullptr || parent->dying || world.tasks.size() >= world.swarm().tasks_max) {
        return;
    }
    const std::vector<MappingId> regions = parent->regions;
    TaskInfo info = parent->info;
    info.pid = world.next_pid++;
    const TaskId child = world.engine().add_task(info, parent->groups);
    world.tasks.push_back(child);
    for (const MappingId region : regions) {
        world.engine().map_mapping(child, region);
    }
}

constexpr std::array kActions{
    Action{"add_task", 8, add_task, true},           Action{"exit_task", 2, exit_task},
    Action{"exit_busy_task", 1, exit_busy_task},     Action{"move_task", 3, move_task},
    Action{"change_oom_score", 1, change_oom_score}, Action{"fork_task", 2, fork_task},
};

}  // namespace

std::span<const Action> task_actions() { return kActions; }

}  // namespace memcgfs::test
