// SPDX-License-Identifier: MIT
//
// Groups, members, regions, and who waits for what.
#include <algorithm>
#include <map>

#include "sim/checkers.h"

namespace memcgfs::test::checks {

using namespace engine;

void populated(Scene& scene);
void members(Scene& scene);
void mappings(Scene& scene);
void dying_tasks(Scene& scene);
void waiters(Scene& scene);
void workers(Scene& scene);

namespace {

void demand(bool holds, std::string_view checker, std::string_view what) {
    if (!holds) {
        throw Violation(checker, what);
    }
}

std::int32_t descendants_of(const Cgroup& group) {
    std::int32_t sum = 0;
    for (const Cgroup* child : group.children) {
        sum += 1 + descendants_of(*child);
    }
    return sum;
}

}  // namespace

/// cgroup.events' populated and cgroup.stat's numbers.
void populated(Scene& scene) {
    scene.state.cgroups.for_each([&](const Cgroup& group) {
        std::uint64_t sum = group.tasks.size();
        for (const Cgroup* child : group.children) {
            sum += child->populated() ? 1 : 0;
        }
        demand(group.populated_count == sum, "populated", "members and populated children");
        demand(group.descendants == descendants_of(group), "populated", "nr_descendants");
        demand(group.dying_descendants >= 0, "populated", "nr_dying_descendants is negative");
    });
    const auto counted = std::count_if(scene.state.dying.begin(), scene.state.dying.end(),
                                       [](const Memcg* memcg) { return !memcg->dying_in.empty(); });
    const Cgroup* top = scene.state.cgroups.find(scene.state.root_memcg->cgroup);
    demand(top->dying_descendants == counted, "populated", "nr_dying_descendants of the root");
}

/// Every task is in one group of each hierarchy, and every member is a task.
void members(Scene& scene) {
    std::map<TaskId, int> seen;
    scene.state.cgroups.for_each([&](const Cgroup& group) {
        for (const TaskId id : group.tasks) {
            const Task* task = scene.state.tasks.find(id);
            demand(task != nullptr, "members", "a member that has gone");
            const CgroupId own = task->groups.in(group.hierarchy->id);
            demand(own == group.id, "members", "a member that is elsewhere");
            seen[id]++;
        }
    });
    const auto hierarchies = static_cast<int>(
        std::count_if(scene.state.hierarchies.begin(), scene.state.hierarchies.end(),
                      [](const Hierarchy& each) { return each.root != nullptr; }));
    scene.state.tasks.for_each([&](const Task& task) {
        demand(seen[task.id] == hierarchies, "members", "a task in no group, or in two");
    });
}

/// Extents are in order and within bounds; users and page counts are right, and torn huge pages
/// wait for the shrinker of their group.
void mappings(Scene& scene) {
    std::map<const Memcg*, std::uint64_t> torn;
    std::map<MappingId, std::uint32_t> users;
    scene.state.tasks.for_each([&](const Task& task) {
        for (const MappingId id : task.regions) {
            users[id]++;
        }
    });
    scene.state.mappings.for_each([&](Mapping& mapping) {
        demand(mapping.users == users[mapping.id()], "mappings", "users");
        Pages resident{};
        Pages swapped{};
        std::uint64_t end = 0;
        while (const Extent* extent = mapping.next(end)) {
            demand(extent->first >= end && extent->count > 0 && extent->end() > extent->first,
                   "mappings", "extents overlap");
            demand(!extent->state.compound() ||
                       (mapping.huge_offset(extent->first) == 0 && extent->count % kHugePages == 0),
                   "mappings", "half a huge page");
            end = extent->end();
            if (extent->state.where == PageState::Where::kPart) {
                continue;  // in memory with the torn huge page
            }
            torn[extent->memcg] += extent->state.torn ? extent->folios() : 0;
            const bool here = extent->state.where == PageState::Where::kResident;
            (here ? resident : swapped) += Pages{extent->count};
        }
        demand(mapping.resident == resident, "mappings", "resident");
        demand(mapping.swapped == swapped, "mappings", "swapped");
    });
    scene.state.memcgs.for_each([&](const Memcg& memcg) {
        demand(scene.state.torn_pages.count(memcg.id()) == torn[&memcg], "mappings", "torn pages");
    });
}

/// A killed task goes when its operation ends; so it must have one that goes on.
void dying_tasks(Scene& scene) {
    scene.state.tasks.for_each([&](const Task& task) {
        if (task.dying || task.operation != OperationId{}) {
            demand(scene.live.contains(task.operation), "dying_tasks",
                   "a task waits for an operation that is not there");
        }
    });
}

/// Tasks parked by oom_kill_disable exist, and groups know that somebody is parked.
void waiters(Scene& scene) {
    for (const auto& waiter : scene.state.oom_waiters) {
        demand(scene.live.contains(waiter.operation), "waiters", "a waiter that is not there");
        demand(waiter.memcg->pins > 0, "waiters", "a waiter's group is not held");
        demand(waiter.memcg->under_oom > 0, "waiters", "under_oom is 0 and somebody is parked");
    }
    if (scene.state.oom_waiters.empty()) {
        scene.state.memcgs.for_each([&](const Memcg& memcg) {
            demand(memcg.under_oom == 0, "waiters", "under_oom and nobody is parked");
        });
    }
}

/// Work that is marked as queued or running has an operation that does it.
void workers(Scene& scene) {
    std::int64_t marked = 0;
    scene.state.memcgs.for_each([&](const Memcg& memcg) {
        marked += memcg.wmark.running ? 1 : 0;
        demand(!memcg.wmark.pending || memcg.wmark.running, "workers", "pending and no worker");
    });
    const std::int64_t live =
        std::count_if(scene.live.begin(), scene.live.end(),
                      [](const auto& entry) { return entry.second == "memcg_wmark"; });
    demand(marked <= live, "workers", "a worker that is not there");
}

}  // namespace memcgfs::test::checks
