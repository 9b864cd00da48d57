// SPDX-License-Identifier: MIT
//
// cpuset: which CPUs and nodes a group may use (kernel/cgroup/cpuset.c, 6.1). CPUs are kept and
// checked, nothing runs on them; nodes are where a task's new pages come from.
#include "engine/controllers/cpuset.h"

#include <algorithm>

#include "engine/controllers/states.h"
#include "engine/numa.h"

namespace memcgfs::engine {

namespace {

const Hierarchy* cpuset_hierarchy(const Engine::State& state) {
    for (const Hierarchy& hierarchy : state.hierarchies) {
        if (hierarchy.root != nullptr && hierarchy.has(Controller::kCpuset)) {
            return &hierarchy;
        }
    }
    return nullptr;
}

IdSet mems_of_machine(const Engine::State& state) {
    return IdSet::first(static_cast<std::uint32_t>(state.nodes.size()));
}

IdSet effective_mems_of(const Engine::State& state, const Cgroup& group) {
    if (group.is_root()) {
        return mems_of_machine(state);
    }
    const IdSet above = effective_mems_of(state, cpuset_group(*group.parent));
    IdSet mems = cpuset_of(group).mems & above;
    return mems.empty() && group.is_v2() ? above : mems;
}

/// As the files of the root have it: everything.
IdSet own_cpus(const Engine::State& state, const Cgroup& group) {
    return group.is_root() ? cpus_of_machine(state) : cpuset_of(group).cpus;
}
IdSet own_mems(const Engine::State& state, const Cgroup& group) {
    return group.is_root() ? mems_of_machine(state) : cpuset_of(group).mems;
}

/// One v1 cpuset's resources and flags lie within another's.
struct View {
    IdSet cpus;
    IdSet mems;
    bool cpu_exclusive = false;
    bool mem_exclusive = false;

    bool within(const View& other) const {
        return other.cpus.includes(cpus) && other.mems.includes(mems) &&
               cpu_exclusive <= other.cpu_exclusive && mem_exclusive <= other.mem_exclusive;
    }
};

View view_of(const Engine::State& state, const Cgroup& group) {
    const CpusetState own = cpuset_of(group);
    return {own_cpus(state, group), own_mems(state, group), own.flag(CpusetFlag::kCpuExclusive),
            own.flag(CpusetFlag::kMemExclusive)};
}

Result<void> check_siblings(const Engine::State& state, const Cgroup& group, const View& wanted) {
    for (const Cgroup* sibling : group.parent->children) {
        if (sibling == &group) {
            continue;
        }
        const View other = view_of(state, *sibling);
        if (((wanted.cpu_exclusive || other.cpu_exclusive) && wanted.cpus.intersects(other.cpus)) ||
            ((wanted.mem_exclusive || other.mem_exclusive) && wanted.mems.intersects(other.mems))) {
            return Err(Errno::kEINVAL);
        }
    }
    return {};
}

/// validate_change().
Result<void> validate(const Engine::State& state, const Cgroup& group, const View& wanted) {
    const bool v1 = !group.is_v2();
    for (const Cgroup* child : group.children) {
        if (v1 && !view_of(state, *child).within(wanted)) {
            return Err(Errno::kEBUSY);
        }
    }
    if (group.is_root()) {
        return {};
    }
    if (v1 && !wanted.within(view_of(state, *group.parent))) {
        return Err(Errno::kEACCES);
    }
    MEMCGFS_TRY(check_siblings(state, group, wanted));
    const View now = view_of(state, group);
    if (group.populated() && ((!now.cpus.empty() && wanted.cpus.empty()) ||
                              (!now.mems.empty() && wanted.mems.empty()))) {
        return Err(Errno::kENOSPC);
    }
    return {};
}

NodeMask mask_from(const IdSet& mems) {
    NodeMask mask = 0;
    for (const std::uint32_t node : mems.ids()) {
        mask |= NodeMask{1} << node;
    }
    return mask;
}

bool moves_pages(const Cgroup& group) {
    return group.is_v2() || cpuset_of(group).flag(CpusetFlag::kMemoryMigrate);
}

/// A task's pages follow from some nodes to others.
struct PageMove {
    TaskId task;
    NodeMask from = 0;
    NodeMask to = 0;
};

Coro<OperationResult> move_all(Engine::State& state, OpContext& op, std::vector<PageMove> moves) {
    for (const PageMove& move : moves) {
        op.task = move.task;
        co_await migrate_task_pages(state, op, move.from, move.to);
    }
    co_return std::uint64_t{0};
}

OperationPtr move_operation(Engine::State& state, std::vector<PageMove> moves) {
    if (moves.empty()) {
        return {};
    }
    return state.make_operation("cpuset", [&state, moves = std::move(moves)](OpContext& op) {
        return move_all(state, op, moves);
    });
}

/// Whose pages follow when the effective nodes of the tree below change.
class MemsChange {
public:
    MemsChange(Engine::State& state, const Cgroup& top) : state_(state) { look(top); }
    std::vector<PageMove> moves() const {
        std::vector<PageMove> all;
        for (const auto& [group, from] : before_) {
            const NodeMask to = mask_from(effective_mems_of(state_, *group));
            if (to != from && to != 0 && from != 0 && moves_pages(*group)) {
                for (const TaskId task : group->tasks) {
                    all.push_back({task, from, to});
                }
            }
        }
        return all;
    }

private:
    void look(const Cgroup& group) {
        before_.emplace_back(&group, mask_from(effective_mems_of(state_, group)));
        for (const Cgroup* child : group.children) {
            look(*child);
        }
    }
    Engine::State& state_;
    std::vector<std::pair<const Cgroup*, NodeMask>> before_;
};

}  // namespace

void inherit_cpuset(Cgroup& group) {
    const Cgroup& parent = *group.parent;
    if (!group.hierarchy->has(Controller::kCpuset) || group.is_v2()) {
        return;
    }
    const CpusetState above = cpuset_of(parent);
    for (const CpusetFlag flag : {CpusetFlag::kSpreadPage, CpusetFlag::kSpreadSlab}) {
        if (above.flag(flag)) {
            own_cpuset(group).flag(flag) = true;
        }
    }
    const auto exclusive = [](const Cgroup* sibling) {
        const CpusetState other = cpuset_of(*sibling);
        return other.flag(CpusetFlag::kCpuExclusive) || other.flag(CpusetFlag::kMemExclusive);
    };
    if (parent.clone_children &&
        std::none_of(parent.children.begin(), parent.children.end(), exclusive)) {
        CpusetState& own = own_cpuset(group);
        own.cpus = above.cpus;
        own.mems = above.mems;
    }
}

Result<void> may_join_cpuset(const Cgroup& group) {
    if (group.is_v2() || group.is_root() || !group.hierarchy->has(Controller::kCpuset)) {
        return {};
    }
    const CpusetState own = cpuset_of(group);
    return own.cpus.empty() || own.mems.empty() ? Err(Errno::kENOSPC) : Result<void>{};
}

NodeMask allowed_nodes(const Engine::State& state, const Task& task) {
    if (state.nodes.size() == 1) {
        return 0;
    }
    const Hierarchy* hierarchy = cpuset_hierarchy(state);
    const Cgroup* group =
        hierarchy == nullptr ? nullptr : state.cgroups.find(task.groups.in(hierarchy->id));
    // Asked for each fault: most groups have nothing set, nor have those above.
    const Cgroup* level = group;
    while (level != nullptr && level->states.find<&ControllerStates::cpuset>() == nullptr) {
        level = level->parent;
    }
    if (level == nullptr) {
        return 0;
    }
    return mask_from(effective_mems_of(state, cpuset_group(*group)));
}

OperationPtr pages_after_attach(Engine::State& state, TaskId task, const Cgroup& from,
                                const Cgroup& to) {
    if (!to.hierarchy->has(Controller::kCpuset) || !moves_pages(to)) {
        return {};
    }
    const NodeMask old_nodes = mask_from(effective_mems_of(state, cpuset_group(from)));
    const NodeMask new_nodes = mask_from(effective_mems_of(state, cpuset_group(to)));
    if (old_nodes == new_nodes || old_nodes == 0 || new_nodes == 0) {
        return {};
    }
    return move_operation(state, {{task, old_nodes, new_nodes}});
}

IdSet Engine::all_cpus() const { return cpus_of_machine(*state_); }
IdSet Engine::all_mems() const { return mems_of_machine(*state_); }

IdSet Engine::effective_cpus(const Cgroup& group) const {
    return effective_cpus_of(*state_, group);
}
IdSet Engine::effective_mems(const Cgroup& group) const {
    return effective_mems_of(*state_, group);
}

CpusetState Engine::cpuset(const Cgroup& group) const { return cpuset_of(group); }

Result<void> Engine::set_cpuset_cpus(Cgroup& group, const IdSet& cpus) {
    if (group.is_root()) {
        return Err(Errno::kEACCES);
    }
    if (cpus == cpuset_of(group).cpus) {
        return {};
    }
    View wanted = view_of(*state_, group);
    wanted.cpus = cpus;
    MEMCGFS_TRY(validate(*state_, group, wanted));
    set_cpus(*state_, group, cpus);
    return {};
}

Result<OperationPtr> Engine::set_cpuset_mems(Cgroup& group, const IdSet& mems) {
    if (group.is_root()) {
        return Err(Errno::kEACCES);
    }
    if (!all_mems().includes(mems)) {
        return Err(Errno::kEINVAL);
    }
    if (mems == cpuset_of(group).mems) {
        return OperationPtr{};
    }
    View wanted = view_of(*state_, group);
    wanted.mems = mems;
    MEMCGFS_TRY(validate(*state_, group, wanted));
    const MemsChange change(*state_, group);
    own_cpuset(group).mems = mems;
    return move_operation(*state_, change.moves());
}

Result<void> Engine::set_cpuset_flag(Cgroup& group, CpusetFlag flag, bool value) {
    View wanted = view_of(*state_, group);
    if (flag == CpusetFlag::kCpuExclusive) {
        wanted.cpu_exclusive = value;
    } else if (flag == CpusetFlag::kMemExclusive) {
        wanted.mem_exclusive = value;
    }
    MEMCGFS_TRY(validate(*state_, group, wanted));
    own_cpuset(group).flag(flag) = value;
    return {};
}

Result<void> Engine::set_relax_domain_level(Cgroup& group, std::int64_t level) {
    // One above the scheduler's topmost domain (sched_domain_level_max; measured on 6.1): a CPU
    // alone has none, CPUs that share nothing but a node have one, nodes two more.
    constexpr std::int64_t kOneCpu = 1;
    constexpr std::int64_t kOneNode = 3;
    constexpr std::int64_t kNodes = 5;
    const std::int64_t one_node = all_cpus().size() > 1 ? kOneNode : kOneCpu;
    const std::int64_t level_max = all_mems().size() > 1 ? kNodes : one_node;
    if (level < -1 || level > level_max) {
        return Err(Errno::kEINVAL);
    }
    own_cpuset(group).relax_domain_level = static_cast<std::int32_t>(level);
    return {};
}

void Engine::set_memory_pressure_enabled(Cgroup& group, bool enabled) {
    own_cpuset(group).pressure_enabled = enabled;
}

}  // namespace memcgfs::engine
