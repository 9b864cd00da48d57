// SPDX-License-Identifier: MIT
//
// cpuset: which CPUs and nodes a group may use (kernel/cgroup/cpuset.c, 6.1). CPUs are kept and
// checked, nothing runs on them; nodes are where a task's new pages come from.
#include <algorithm>

#include "engine/controllers/states.h"
#include "engine/numa.h"

namespace memcgfs::engine {

namespace {

constexpr KernelVersion kExclusiveCpus{6, 7};

CpusetState get_of(const Cgroup& group) {
    CpusetState state = group.states.get<&ControllerStates::cpuset>();
    if (group.states.find<&ControllerStates::cpuset>() == nullptr) {
        state.flag(CpusetFlag::kSchedLoadBalance) = true;
        state.flag(CpusetFlag::kCpuExclusive) = group.is_root();
        state.flag(CpusetFlag::kMemExclusive) = group.is_root();
    }
    return state;
}

CpusetState& set_of(Cgroup& group) {
    const CpusetState now = get_of(group);
    CpusetState& state = group.states.set<&ControllerStates::cpuset>();
    state = now;
    return state;
}

bool has_cpuset(const Cgroup& group) {
    return (controllers_of(group) & mask_of(Controller::kCpuset)) != 0;
}

/// The group itself or the nearest one above that has a cpuset.
const Cgroup& cpuset_group(const Cgroup& group) {
    const Cgroup* level = &group;
    while (!level->is_root() && !has_cpuset(*level)) {
        level = level->parent;
    }
    return *level;
}

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

bool is_partition(const Cgroup& group, const CpusetState& own) {
    return group.is_v2() && own.partition != Partition::kMember && !own.fault;
}

IdSet cpus_of_machine(const Engine::State& state) {
    return IdSet::first(std::max(1U, state.machine().cpus));
}

IdSet effective_cpus_of(const Engine::State& state, const Cgroup& group);

/// What the group and its partitions share.
IdSet granted_cpus(const Engine::State& state, const Cgroup& group) {
    if (group.is_root()) {
        return cpus_of_machine(state);
    }
    const CpusetState own = get_of(group);
    if (is_partition(group, own)) {
        return own.cpus & granted_cpus(state, cpuset_group(*group.parent));
    }
    const IdSet above = effective_cpus_of(state, cpuset_group(*group.parent));
    IdSet cpus = own.cpus & above;
    return cpus.empty() && group.is_v2() ? above : cpus;
}

IdSet effective_cpus_of(const Engine::State& state, const Cgroup& group) {
    IdSet cpus = granted_cpus(state, group);
    for (const Cgroup* child : group.children) {
        const CpusetState below = get_of(*child);
        if (is_partition(*child, below)) {
            cpus = cpus - below.cpus;
        }
    }
    return cpus;
}

IdSet effective_mems_of(const Engine::State& state, const Cgroup& group) {
    if (group.is_root()) {
        return mems_of_machine(state);
    }
    const IdSet above = effective_mems_of(state, cpuset_group(*group.parent));
    IdSet mems = get_of(group).mems & above;
    return mems.empty() && group.is_v2() ? above : mems;
}

/// As the files of the root have it: everything.
IdSet own_cpus(const Engine::State& state, const Cgroup& group) {
    return group.is_root() ? cpus_of_machine(state) : get_of(group).cpus;
}
IdSet own_mems(const Engine::State& state, const Cgroup& group) {
    return group.is_root() ? mems_of_machine(state) : get_of(group).mems;
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
    const CpusetState own = get_of(group);
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
    return group.is_v2() || get_of(group).flag(CpusetFlag::kMemoryMigrate);
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

/// Why a group cannot be the root of a partition; none: it can.
std::optional<std::string> partition_fault(const Engine::State& state, const Cgroup& group) {
    const CpusetState own = get_of(group);
    if (own.cpus.empty()) {
        return std::string(state.profile().version >= kExclusiveCpus
                               ? "cpuset.cpus and cpuset.cpus.exclusive are empty"
                               : "cpuset.cpus is empty");
    }
    for (const Cgroup* sibling : group.parent->children) {
        if (sibling != &group && own_cpus(state, *sibling).intersects(own.cpus)) {
            return "Cpu list in cpuset.cpus not exclusive";
        }
    }
    const Cgroup& parent = *group.parent;
    if (!parent.is_root() && !is_partition(parent, get_of(parent))) {
        return "Parent is not a partition root";
    }
    const IdSet granted = granted_cpus(state, parent);
    if (!granted.intersects(own.cpus)) {
        return "Invalid cpu list in cpuset.cpus";
    }
    if ((granted - own.cpus).empty() && parent.populated_count != 0) {
        return "Parent unable to distribute cpu downstream";
    }
    return std::nullopt;
}

/// Partitions may have become possible, or impossible, by what was written to a group. From 6.7 on
/// one that loses its CPUs to a sibling is told no reason, and a reason stays until its own files
/// are written to.
void revalidate_partitions(const Engine::State& state, Cgroup& group, const Cgroup& changed) {
    for (Cgroup* child : group.children) {
        const CpusetState own = get_of(*child);
        if (own.partition != Partition::kMember) {
            auto fault = partition_fault(state, *child);
            if (fault && child != &changed && state.profile().version >= kExclusiveCpus) {
                if (own.fault) {
                    fault = own.fault;
                } else if (changed.parent == child->parent) {
                    fault = "";
                }
            }
            if (fault != own.fault) {
                set_of(*child).fault = fault;
            }
        }
        revalidate_partitions(state, *child, changed);
    }
}

}  // namespace

void inherit_cpuset(Cgroup& group) {
    const Cgroup& parent = *group.parent;
    if (!group.hierarchy->has(Controller::kCpuset) || group.is_v2()) {
        return;
    }
    const CpusetState above = get_of(parent);
    for (const CpusetFlag flag : {CpusetFlag::kSpreadPage, CpusetFlag::kSpreadSlab}) {
        if (above.flag(flag)) {
            set_of(group).flag(flag) = true;
        }
    }
    const auto exclusive = [](const Cgroup* sibling) {
        const CpusetState other = get_of(*sibling);
        return other.flag(CpusetFlag::kCpuExclusive) || other.flag(CpusetFlag::kMemExclusive);
    };
    if (parent.clone_children &&
        std::none_of(parent.children.begin(), parent.children.end(), exclusive)) {
        CpusetState& own = set_of(group);
        own.cpus = above.cpus;
        own.mems = above.mems;
    }
}

Result<void> may_join_cpuset(const Cgroup& group) {
    if (group.is_v2() || group.is_root() || !group.hierarchy->has(Controller::kCpuset)) {
        return {};
    }
    const CpusetState own = get_of(group);
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

CpusetState Engine::cpuset(const Cgroup& group) const { return get_of(group); }

Result<void> Engine::set_cpuset_cpus(Cgroup& group, const IdSet& cpus) {
    if (group.is_root()) {
        return Err(Errno::kEACCES);
    }
    if (cpus == get_of(group).cpus) {
        return {};
    }
    View wanted = view_of(*state_, group);
    wanted.cpus = cpus;
    MEMCGFS_TRY(validate(*state_, group, wanted));
    set_of(group).cpus = cpus;
    revalidate_partitions(*state_, *group.hierarchy->root, group);
    return {};
}

Result<OperationPtr> Engine::set_cpuset_mems(Cgroup& group, const IdSet& mems) {
    if (group.is_root()) {
        return Err(Errno::kEACCES);
    }
    if (!all_mems().includes(mems)) {
        return Err(Errno::kEINVAL);
    }
    if (mems == get_of(group).mems) {
        return OperationPtr{};
    }
    View wanted = view_of(*state_, group);
    wanted.mems = mems;
    MEMCGFS_TRY(validate(*state_, group, wanted));
    const MemsChange change(*state_, group);
    set_of(group).mems = mems;
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
    set_of(group).flag(flag) = value;
    return {};
}

void Engine::set_partition(Cgroup& group, Partition partition) {
    CpusetState& own = set_of(group);
    own.partition = partition;
    own.fault.reset();
    revalidate_partitions(*state_, *group.hierarchy->root, group);
}

Result<void> Engine::set_exclusive_cpus(Cgroup& group, const IdSet& cpus) {
    for (const Cgroup* sibling : group.parent->children) {
        if (sibling != &group && get_of(*sibling).exclusive.intersects(cpus)) {
            return Err(Errno::kEINVAL);
        }
    }
    set_of(group).exclusive = cpus;
    return {};
}

IdSet Engine::isolated_cpus() const {
    IdSet cpus;
    state_->cgroups.for_each([&cpus](const Cgroup& group) {
        const CpusetState own = get_of(group);
        if (is_partition(group, own) && own.partition == Partition::kIsolated) {
            cpus = cpus | own.cpus;
        }
    });
    return cpus;
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
    set_of(group).relax_domain_level = static_cast<std::int32_t>(level);
    return {};
}

void Engine::set_memory_pressure_enabled(Cgroup& group, bool enabled) {
    set_of(group).pressure_enabled = enabled;
}

}  // namespace memcgfs::engine
