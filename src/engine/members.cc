// SPDX-License-Identifier: MIT
#include "engine/members.h"

#include <algorithm>

#include "engine/huge_page.h"
#include "engine/khugepaged.h"
#include "engine/page_state.h"
#include "engine/page_tables.h"
#include "engine/pages.h"
#include "engine/psi.h"
#include "engine/release.h"
#include "engine/slab.h"
#include "engine/threads.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

constexpr std::uint8_t kEveryUser = 0xFF;

void leave(Engine::State& state, CgroupId& membership, TaskId task) {
    if (Cgroup* group = state.cgroups.find(membership); group != nullptr) {
        std::erase(group->tasks, task);
        change_populated(state, *group, -1);
    }
    membership = {};
}

}  // namespace

Memcg& effective_memcg(const Cgroup& group) {
    const Cgroup* level = &group;
    while (level->memcg == nullptr) {
        MEMCGFS_ASSERT(level->parent != nullptr);
        level = level->parent;
    }
    return *level->memcg;
}

Memcg& charged_memcg(const Engine::State& state, const Task& task) {
    const Cgroup* group = state.cgroups.find(task.groups.in(state.memory_hierarchy->id));
    return group != nullptr ? effective_memcg(*group) : *state.root_memcg;
}

std::string path_of(const Cgroup& group) {
    if (group.is_root()) {
        return "/";
    }
    std::string text;
    for (const Cgroup* level = &group; !level->is_root(); level = level->parent) {
        text.insert(0, "/" + level->name);
    }
    return text;
}

std::string path_of(const Engine::State& state, const Memcg& memcg) {
    const Cgroup* group = state.cgroups.find(memcg.cgroup);
    return group != nullptr ? path_of(*group) : "/";
}

bool is_frozen(const Cgroup& group) {
    for (const Cgroup* level = &group; level != nullptr; level = level->parent) {
        if (level->freeze) {
            return true;
        }
    }
    return false;
}

void change_populated(Engine::State& state, Cgroup& group, int change) {
    for (Cgroup* level = &group; level != nullptr; level = level->parent) {
        const bool before = level->populated();
        level->populated_count += static_cast<std::uint64_t>(change);
        if (level->populated() == before) {
            break;
        }
        state.notify(*level, NotifyFile::kCgroupEvents);
        check_for_release(state, *level);
    }
}

void join(Engine::State& state, Task& task, Cgroup& group) {
    group.tasks.push_back(task.id);
    group.had_members = true;
    task.groups[group.hierarchy->id] = group.id;
    change_populated(state, group, 1);
    await_members(state, group);
}

void map_region(Task& task, Mapping& mapping) {
    if (std::find(task.regions.begin(), task.regions.end(), mapping.id()) == task.regions.end()) {
        task.regions.push_back(mapping.id());
        mapping.users++;
        mapping.user_bits.add(task.id);
    }
}

void unmap_region(Engine::State& state, Task& task, MappingId id, bool keep) {
    if (std::erase(task.regions, id) == 0) {
        return;
    }
    free_page_tables(state, task, id);
    Mapping* mapping = state.mappings.find(id);
    if (mapping == nullptr) {
        return;
    }
    forget_place(task, *mapping);
    const std::uint8_t gone = mapping->user_bits.remove(task.id);
    mapping->users--;
    if (mapping->users == 0 && !keep) {
        free_all_pages(state, *mapping);
        state.mappings.erase(id);
        return;
    }
    // Page cache and shmem outlive the mapping; a page touched through it counts as accessed.
    unmap_users(state, *mapping, mapping->users == 0 ? kEveryUser : gone);
}

void release_task(Engine::State& state, TaskId id) {
    Task* task = state.tasks.find(id);
    MEMCGFS_ASSERT(task != nullptr);
    forget_threads(state, *task);
    while (!task->regions.empty()) {
        const MappingId region = task->regions.back();
        const Mapping* mapping = state.mappings.find(region);
        unmap_region(state, *task, region, mapping != nullptr && !mapping->ends_with_users);
    }
    free_task_slab(state, id);
    khugepaged_exit(state, *task);
    psi_move_task(state, *task, nullptr);
    for (CgroupId& membership : task->groups.groups) {
        leave(state, membership, id);
    }
    if (!is_thread(*task)) {
        state.task_by_pid.erase(task->info.pid);
    }
    state.tasks.erase(id);
}

}  // namespace memcgfs::engine
