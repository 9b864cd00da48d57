// SPDX-License-Identifier: MIT
//
// Tasks use memory: anonymous, shared, cache.
#include <array>

#include "sim/actions.h"
#include "sim/world.h"
#include "support/engine_access.h"

namespace memcgfs::test {

namespace {

using namespace engine;

constexpr std::size_t kMappingsMax = 24;

Engine::Range some_range(World& world) {
    return {world.below(world.swarm().scale), 1 + world.below(world.swarm().scale)};
}

Access some_access(World& world) { return world.one_in(2) ? Access::kRead : Access::kWrite; }

PageKind some_kind(World& world) {
    const PageKind kinds[] = {PageKind::kAnon, PageKind::kAnon, PageKind::kFile, PageKind::kShmem};
    return kinds[world.below(std::size(kinds))];
}

/// A region of the task's own, or any other that it may use.
MappingId some_mapping(World& world, TaskId task) {
    if (world.mappings.size() < kMappingsMax && world.one_in(3)) {
        const TaskId owner = world.one_in(4) ? TaskId{} : task;
        const MappingId mapping = world.engine().create_mapping(owner, some_kind(world));
        world.mappings.push_back(mapping);
        return mapping;
    }
    const std::vector<MappingId>& own = world.engine().find(task)->regions;
    return own.empty() || world.one_in(3) ? world.pick(world.mappings) : world.pick(own);
}

void touch(World& world) {
    if (const TaskId task = world.pick_idle_task()) {
        const MappingId mapping = some_mapping(world, task);
        world.start(task,
                    world.engine().touch(task, mapping, some_range(world), some_access(world)));
    }
}

/// Memory that may have huge pages; what has been there before is touched again.
void huge_fault(World& world) {
    const TaskId task = world.pick_idle_task();
    if (!task) {
        return;
    }
    constexpr std::uint64_t kMost = 2000;
    MappingId mapping = some_mapping(world, task);
    Engine::Range range{world.below(kMost), 1 + world.below(kMost / 2)};
    if (world.one_in(2)) {
        range = world.one_in(2) ? range : Engine::Range{0, kMost};
        mapping = world.engine().create_mapping(task, PageKind::kAnon, Pages{kMost});
        world.engine().advise_huge(mapping,
                                   world.one_in(4) ? HugeAdvice::kNone : HugeAdvice::kHuge);
        world.mappings.push_back(mapping);
    }
    world.start(task, world.engine().touch(task, mapping, range, Access::kWrite));
}

/// A piece of a region, near its beginning, is given up: huge pages there are torn.
void discard(World& world) {
    const TaskId task = world.pick_idle_task();
    if (!task || world.engine().find(task)->regions.empty()) {
        return;
    }
    const std::vector<MappingId>& own = world.engine().find(task)->regions;
    const MappingId mapping = world.one_in(2) ? own.back() : world.pick(own);
    world.start(task,
                world.engine().advise(task, mapping, {world.below(1000), 1 + world.below(700)},
                                      Advice::kDontNeed));
}

void file_io(World& world) {
    if (const TaskId task = world.pick_idle_task()) {
        const MappingId mapping = some_mapping(world, task);
        world.start(task,
                    world.engine().file_io(task, mapping, some_range(world), some_access(world)));
    }
}

/// The same small range again: pages become active.
void touch_again(World& world) {
    const TaskId task = world.pick_idle_task();
    if (task && !world.engine().find(task)->regions.empty()) {
        const MappingId mapping = world.engine().find(task)->regions.front();
        world.start(task,
                    world.engine().touch(task, mapping, {0, 1 + world.below(40)}, Access::kRead));
    }
}

void map_shared(World& world) {
    world.engine().map_mapping(world.pick(world.tasks), world.pick(world.mappings));
}

void unmap(World& world) {
    const TaskId id = world.pick(world.tasks);
    const Task* task = world.engine().find(id);
    if (task != nullptr && !task->regions.empty()) {
        world.engine().unmap_mapping(id, world.pick(task->regions), world.one_in(2));
    }
}

void destroy(World& world) {
    const MappingId id = world.pick(world.mappings);
    world.engine().destroy_mapping(id);
    std::erase(world.mappings, id);
}

void pageout(World& world) {
    if (const TaskId task = world.pick_idle_task()) {
        world.start(task, world.engine().pageout(task));
    }
}

void advise(World& world) {
    constexpr std::array kAdvice{Advice::kCold, Advice::kPageout, Advice::kFree, Advice::kDontNeed};
    if (const TaskId task = world.pick_idle_task()) {
        const MappingId mapping = some_mapping(world, task);
        world.start(task, world.engine().advise(task, mapping, some_range(world),
                                                kAdvice[world.below(kAdvice.size())]));
    }
}

void lock(World& world) { world.engine().lock_mapping(world.pick(world.mappings)); }
void unlock(World& world) { world.engine().unlock_mapping(world.pick(world.mappings)); }
void sync(World& world) { world.start(world.engine().sync_mapping(world.pick(world.mappings))); }
void drop(World& world) { world.engine().drop_mapping(world.pick(world.mappings)); }
void drop_caches(World& world) {
    world.start(
        world.engine().drop_caches({.pages = !world.one_in(3), .dentries = world.one_in(2)}));
}

void allocate_kernel_memory(World& world) {
    // None that goes over the limit: a checker watches that.
    const ChargeClass classes[] = {ChargeClass::kUser, ChargeClass::kNoRetry,
                                   ChargeClass::kMayFail, ChargeClass::kNoWait};
    const ChargeClass klass = classes[world.below(std::size(classes))];
    if (const TaskId task = world.pick_idle_task()) {
        world.start(
            world.engine().allocate_kernel_memory(task, Pages{1 + world.below(80)}, klass));
    }
}

void allocate_slab(World& world) {
    if (const TaskId task = world.pick_idle_task()) {
        const SlabKind kind = world.one_in(3) ? SlabKind::kTimer : SlabKind::kDentry;
        world.start(task, world.engine().allocate_slab(task, kind, 1 + world.below(3000)));
    }
}

void free_kernel_memory(World& world) {
    KernelObjectId oldest{};
    EngineAccess::state(world.engine()).kernel_objects.for_each([&](const KernelObject& object) {
        oldest = oldest ? oldest : object.id;
    });
    world.engine().free_kernel_memory(oldest);
}

constexpr std::array kActions{
    Action{"touch", 16, touch, true},
    Action{"huge_fault", 6, huge_fault},
    Action{"discard", 8, discard},
    Action{"file_io", 10, file_io},
    Action{"touch_again", 3, touch_again},
    Action{"map_shared", 2, map_shared},
    Action{"unmap", 2, unmap},
    Action{"destroy", 2, destroy},
    Action{"pageout", 2, pageout},
    Action{"advise", 3, advise},
    Action{"lock", 1, lock},
    Action{"unlock", 1, unlock},
    Action{"sync", 1, sync},
    Action{"drop", 1, drop},
    Action{"drop_caches", 1, drop_caches},
    Action{"allocate_kernel_memory", 2, allocate_kernel_memory},
    Action{"free_kernel_memory", 2, free_kernel_memory},
    Action{"allocate_slab", 2, allocate_slab},
};

}  // namespace

std::span<const Action> memory_actions() { return kActions; }

}  // namespace memcgfs::test
