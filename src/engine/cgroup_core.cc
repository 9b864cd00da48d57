// SPDX-License-Identifier: MIT
//
// Making, removing and renaming groups; who is in them (kernel/cgroup/cgroup.c, 6.1; spec
// files.md B).
#include <algorithm>

#include "engine/charge.h"
#include "engine/controllers/states.h"
#include "engine/members.h"
#include "engine/move_charge.h"
#include "engine/oom.h"
#include "engine/psi.h"
#include "engine/release.h"
#include "engine/subtree.h"
#include "engine/threads.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

bool within_tree_limits(const Cgroup& parent) {
    std::int32_t depth = 1;
    for (const Cgroup* level = &parent; level != nullptr; level = level->parent, depth++) {
        if (level->descendants >= level->max_descendants || depth > level->max_depth) {
            return false;
        }
    }
    return true;
}

Cgroup* group_or_root(const Engine::State& state, CgroupId id, const Hierarchy& hierarchy) {
    Cgroup* group = state.cgroups.find(id);
    return group != nullptr && group->hierarchy == &hierarchy ? group : hierarchy.root;
}

/// cgroup_migrate_vet_dst().
Result<void> may_join(const Cgroup& group) {
    if (!is_valid_domain(domain_of(group))) {
        return Err(Errno::kEOPNOTSUPP);
    }
    const bool may = group.is_root() || group.threaded || can_be_thread_root(group) ||
                     group.subtree_control == 0;
    return may ? Result<void>{} : Err(Errno::kEBUSY);
}

}  // namespace

Result<void> may_attach(const Cgroup& group) {
    if (group.is_v2()) {
        MEMCGFS_TRY(may_join(group));
    }
    return may_join_cpuset(group);
}

Result<CgroupId> Engine::create_cgroup(CgroupId parent_id, std::string_view name) {
    Cgroup* parent = state_->cgroups.find(parent_id);
    if (parent == nullptr) {
        return Err(Errno::kENODEV);
    }
    if (!within_tree_limits(*parent)) {
        return Err(Errno::kEAGAIN);
    }
    const ControllerMask given =
        parent->is_v2() ? parent->subtree_control : parent->hierarchy->controllers;
    const bool own_memcg = (given & mask_of(Controller::kMemory)) != 0;
    if (own_memcg && !memcg_id_left(*state_)) {
        return Err(Errno::kENOSPC);
    }
    Cgroup& group = state_->cgroups.emplace(*parent->hierarchy, parent, std::string(name));
    parent->children.push_back(&group);
    for (Cgroup* level = parent; level != nullptr; level = level->parent) {
        level->descendants++;
    }
    group.clone_children = parent->clone_children;
    group.notify_on_release = parent->notify_on_release;
    inherit_states(group);
    group.files_version = state_->next_files_version++;
    if (group.is_v2()) {
        psi_begin(*state_, group);
    }
    if (own_memcg) {
        online_css(*state_, group);
        state_->trace(TraceEvent::Kind::kCgroup, *group.memcg, 1);
    }
    return group.id;
}

Result<void> Engine::remove_cgroup(CgroupId id) {
    Cgroup* group = state_->cgroups.find(id);
    if (group == nullptr) {
        return Err(Errno::kENODEV);
    }
    if (group->is_root() || !group->tasks.empty() || !group->children.empty()) {
        return Err(Errno::kEBUSY);
    }
    psi_end_triggers(*state_, *group);
    Cgroup* parent = group->parent;
    std::erase(parent->children, group);
    for (Cgroup* level = parent; level != nullptr; level = level->parent) {
        level->descendants--;
    }
    if (group->memcg != nullptr) {
        state_->trace(TraceEvent::Kind::kCgroup, *group->memcg, 0);
        for (Cgroup* level = parent; level != nullptr; level = level->parent) {
            level->dying_descendants++;
            group->memcg->dying_in.push_back(level->id);
        }
        offline_css(*state_, *group);
    }
    state_->cgroups.erase(id);
    check_for_release(*state_, *parent);
    state_->collect_dying();
    return {};
}

Result<void> Engine::rename_cgroup(CgroupId id, std::string_view new_name) {
    Cgroup* group = state_->cgroups.find(id);
    if (group == nullptr) {
        return Err(Errno::kENODEV);
    }
    if (group->is_v2()) {
        return Err(Errno::kEPERM);
    }
    group->name = new_name;
    return {};
}

TaskId Engine::add_task(TaskInfo info, const Membership& groups) {
    MEMCGFS_ASSERT(find_task_by_pid(info.pid) == nullptr);
    Task& task = state_->tasks.emplace(std::move(info));
    state_->task_by_pid.emplace(task.info.pid, task.id);
    task.groups.groups.resize(state_->hierarchies.size());
    for (const Hierarchy& hierarchy : state_->hierarchies) {
        if (hierarchy.root != nullptr) {
            join(*state_, task, *group_or_root(*state_, groups.in(hierarchy.id), hierarchy));
        }
    }
    if (is_frozen(*state_, task)) {
        state_->emit(FreezeEffect{task.info.pid, true});
    }
    return task.id;
}

void Engine::exit_task(TaskId id) {
    Task* task = state_->tasks.find(id);
    if (task == nullptr) {
        return;
    }
    if (task->operation != OperationId{}) {
        task->dying = true;
        state_->emit(WakeEffect{task->operation});
        return;
    }
    release_task(*state_, id);
    state_->collect_dying();
}

Result<void> Engine::attach_task(TaskId id, CgroupId group_id) {
    return attach(id, group_id, true);
}

Result<void> Engine::may_fork_into(CgroupId group_id) const {
    const Cgroup* group = state_->cgroups.find(group_id);
    if (group == nullptr) {
        return Err(Errno::kENODEV);
    }
    if (!group->is_v2()) {
        return Err(Errno::kEBADF);
    }
    return may_attach(*group);
}

Result<void> Engine::may_move_thread(TaskId id, CgroupId group_id) const {
    const Task* task = state_->tasks.find(id);
    const Cgroup* group = state_->cgroups.find(group_id);
    if (task == nullptr) {
        return Err(Errno::kESRCH);
    }
    if (group == nullptr) {
        return Err(Errno::kENODEV);
    }
    MEMCGFS_TRY(may_join(*group));
    const Cgroup* from = state_->cgroups.find(task->groups.in(group->hierarchy->id));
    MEMCGFS_ASSERT(from != nullptr);
    return &domain_of(*from) == &domain_of(*group) ? Result<void>{} : Err(Errno::kEOPNOTSUPP);
}

bool Engine::moves_files(CgroupId id) const {
    const Cgroup* group = state_->cgroups.find(id);
    return group != nullptr && !group->is_v2() && group->memcg != nullptr &&
           (group->memcg->move_charge_at_immigrate & kMoveFile) != 0;
}

Result<OperationPtr> Engine::migrate_task(TaskId id, CgroupId group_id,
                                          std::vector<FileRegion> files) {
    return migrate(id, group_id, true, std::move(files));
}

Result<OperationPtr> Engine::migrate(TaskId id, CgroupId group_id, bool with_threads,
                                     std::vector<FileRegion> files) {
    const Task* task = state_->tasks.find(id);
    const Cgroup* group = state_->cgroups.find(group_id);
    if (task == nullptr || group == nullptr || group->is_v2() || group->memcg == nullptr ||
        group->memcg->move_charge_at_immigrate == 0 ||
        task->groups.in(group->hierarchy->id) == group_id) {
        const Cgroup* old = task != nullptr && group != nullptr
                                ? state_->cgroups.find(task->groups.in(group->hierarchy->id))
                                : nullptr;
        MEMCGFS_TRY(attach(id, group_id, with_threads));
        return old == nullptr ? OperationPtr{} : pages_after_attach(*state_, id, *old, *group);
    }
    // The mask is looked at when the move begins.
    const ChargeMove move{id, group_id, group->memcg->move_charge_at_immigrate, std::move(files)};
    return state_->make_operation("attach", [this, move, with_threads](OpContext& op) {
        return attach_with_charges(*state_, op, move, [this, move, with_threads] {
            return attach(move.task, move.to, with_threads);
        });
    });
}

std::uint32_t Engine::css_set_of(const Membership& groups) {
    // Hierarchies come and go, and a set of groups must keep its number: roots are left out.
    Membership named = groups;
    for (CgroupId& id : named.groups) {
        const Cgroup* group = state_->cgroups.find(id);
        id = group == nullptr || group->is_root() ? CgroupId{} : id;
    }
    while (!named.groups.empty() && named.groups.back() == CgroupId{}) {
        named.groups.pop_back();
    }
    if (named.groups.empty()) {
        return 0;
    }
    auto& sets = state_->css_sets;
    const auto [entry, is_new] =
        state_->css_set_numbers.try_emplace(named, static_cast<std::uint32_t>(sets.size()));
    if (is_new) {
        sets.push_back(named);
    }
    return entry->second;
}

Membership Engine::css_set(std::uint32_t number) const {
    Membership groups;
    if (number < state_->css_sets.size()) {
        groups = state_->css_sets[number];
    }
    groups.groups.resize(state_->hierarchies.size());
    for (const Hierarchy& hierarchy : state_->hierarchies) {
        groups[hierarchy.id] = hierarchy.root == nullptr
                                   ? CgroupId{}
                                   : group_or_root(*state_, groups.in(hierarchy.id), hierarchy)->id;
    }
    return groups;
}

void Engine::kill_cgroup(Cgroup& group) {
    for (const Cgroup* child : std::vector<Cgroup*>(group.children)) {
        kill_cgroup(*state_->cgroups.find(child->id));
    }
    for (const TaskId id : std::vector<TaskId>(group.tasks)) {
        if (Task* task = state_->tasks.find(id);
            task != nullptr && !is_thread(*task) && !task->dying) {
            kill_task(*state_, *task, "cgroup.kill");
        }
    }
    state_->collect_dying();
}

}  // namespace memcgfs::engine
