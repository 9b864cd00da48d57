// SPDX-License-Identifier: MIT
//
// Which CPUs a group may use, and partitions (kernel/cgroup/cpuset.c, 6.1 and 6.12).
#include <algorithm>

#include "engine/controllers/cpuset.h"
#include "engine/controllers/states.h"

namespace memcgfs::engine {

namespace {

constexpr KernelVersion kExclusiveCpus{6, 7};

bool has_cpuset(const Cgroup& group) {
    return (controllers_of(group) & mask_of(Controller::kCpuset)) != 0;
}

bool is_partition(const Cgroup& group, const CpusetState& own) {
    return group.is_v2() && own.partition != Partition::kMember && !own.fault;
}

/// What a partition wants for itself alone.
const IdSet& wanted_cpus(const CpusetState& own) {
    return own.exclusive.empty() ? own.cpus : own.exclusive;
}

/// cpuset.cpus.exclusive.effective: of what the group wants alone, what all above may give.
IdSet exclusive_cpus_of(const Engine::State& state, const Cgroup& group) {
    if (group.is_root()) {
        return cpus_of_machine(state);
    }
    const CpusetState own = cpuset_of(group);
    const IdSet& wanted = is_partition(group, own) ? wanted_cpus(own) : own.exclusive;
    return wanted.empty() ? IdSet{}
                          : wanted & exclusive_cpus_of(state, cpuset_group(*group.parent));
}

/// A partition below groups that are none takes its CPUs from the root.
bool is_remote(const Cgroup& group, const CpusetState& own) {
    return is_partition(group, own) && !group.parent->is_root() &&
           !is_partition(*group.parent, cpuset_of(*group.parent));
}

template <class Visit>
void for_each_below(const Cgroup& group, Visit visit) {
    for (const Cgroup* child : group.children) {
        visit(*child);
        for_each_below(*child, visit);
    }
}

/// CPUs of all remote partitions.
IdSet remote_cpus(const Engine::State& state, const Cgroup& root) {
    IdSet cpus;
    for_each_below(root, [&](const Cgroup& group) {
        if (is_remote(group, cpuset_of(group))) {
            cpus = cpus | exclusive_cpus_of(state, group);
        }
    });
    return cpus;
}

/// What the group and its partitions share.
IdSet granted_cpus(const Engine::State& state, const Cgroup& group) {
    if (group.is_root()) {
        return cpus_of_machine(state);
    }
    const CpusetState own = cpuset_of(group);
    if (is_partition(group, own)) {
        return exclusive_cpus_of(state, group);
    }
    const IdSet above = effective_cpus_of(state, cpuset_group(*group.parent));
    IdSet cpus = own.cpus & above;
    return cpus.empty() && group.is_v2() ? above : cpus;
}

constexpr std::string_view kNotPartition = "Parent is not a partition root";

std::string bad_list(const Engine::State& state) {
    return state.profile().version >= kExclusiveCpus ? "Invalid cpu list in cpuset.cpus.exclusive"
                                                     : "Invalid cpu list in cpuset.cpus";
}

/// Why a group below one that is no partition cannot be a remote partition
/// (remote_partition_enable, 6.12); none: it can.
std::optional<std::string> remote_fault(const Engine::State& state, const Cgroup& group,
                                        const IdSet& wanted) {
    const Cgroup& root = *group.hierarchy->root;
    const IdSet cpus = wanted & exclusive_cpus_of(state, cpuset_group(*group.parent));
    IdSet left = effective_cpus_of(state, root);
    if (is_remote(group, cpuset_of(group))) {
        left = left | exclusive_cpus_of(state, group);
    }
    return cpus.empty() || !left.includes(cpus) || cpus.includes(left)
               ? std::optional(bad_list(state))
               : std::nullopt;
}

/// Why a group cannot be the root of a partition; none: it can.
std::optional<std::string> partition_fault(const Engine::State& state, const Cgroup& group) {
    const bool exclusive = state.profile().version >= kExclusiveCpus;
    const CpusetState own = cpuset_of(group);
    const IdSet& wanted = wanted_cpus(own);
    if (wanted.empty()) {
        return std::string(exclusive ? "cpuset.cpus and cpuset.cpus.exclusive are empty"
                                     : "cpuset.cpus is empty");
    }
    for (const Cgroup* sibling : group.parent->children) {
        if (sibling != &group && wanted_cpus(cpuset_of(*sibling)).intersects(wanted)) {
            return "Cpu list in cpuset.cpus not exclusive";
        }
    }
    const Cgroup& parent = *group.parent;
    if (!parent.is_root() && !is_partition(parent, cpuset_of(parent))) {
        return exclusive ? remote_fault(state, group, wanted) : std::string(kNotPartition);
    }
    IdSet granted = granted_cpus(state, parent);
    if (parent.is_root()) {
        granted = granted - remote_cpus(state, parent);
    }
    if (!granted.intersects(wanted)) {
        return bad_list(state);
    }
    if ((granted - wanted).empty() && parent.populated_count != 0) {
        return "Parent unable to distribute cpu downstream";
    }
    return std::nullopt;
}

/// What a change of a group makes of the partitions. Some may have become possible, or impossible.
/// From 6.7 on one that loses its CPUs to a sibling is told no reason, what is none stays so until
/// the group's own files, or those of one above, are written to, and a partition stays remote or
/// not.
class PartitionChange {
public:
    PartitionChange(const Engine::State& state, Cgroup& changed)
        : state_(state), changed_(changed), exclusive_(state.profile().version >= kExclusiveCpus) {
        for_each_below(root(), [&](const Cgroup& group) {
            if (is_remote(group, cpuset_of(group))) {
                remote_.push_back(&group);
            }
        });
        if (was_remote(changed)) {
            above_ = effective_cpus_of(state, *changed.parent);
        }
    }
    /// The change has been made. `asked`: the group itself is to be a partition now.
    void revalidate(bool asked) {
        visit(root(), asked, false);
        // A walk down from the root tells another reason, as far as it goes: what the group above
        // has must have changed.
        if (was_remote(changed_) && cpuset_of(changed_).fault &&
            effective_cpus_of(state_, *changed_.parent) == above_) {
            own_cpuset(changed_).fault = bad_list(state_);
        }
    }

private:
    Cgroup& root() const { return *changed_.hierarchy->root; }
    bool was_remote(const Cgroup& group) const {
        return std::find(remote_.begin(), remote_.end(), &group) != remote_.end();
    }

    void visit(Cgroup& group, bool asked, bool below) {
        for (Cgroup* child : group.children) {
            const CpusetState own = cpuset_of(*child);
            if (own.partition != Partition::kMember) {
                const auto fault = fault_of(*child, own, asked, below);
                if (fault != own.fault) {
                    own_cpuset(*child).fault = fault;
                }
            }
            visit(*child, asked, below || child == &changed_);
        }
    }

    std::optional<std::string> fault_of(const Cgroup& group, const CpusetState& own, bool asked,
                                        bool below) const {
        const bool written = below || &group == &changed_;
        if (exclusive_ && own.fault && !written) {
            return own.fault;
        }
        const Cgroup& parent = *group.parent;
        const bool local = parent.is_root() || is_partition(parent, cpuset_of(parent));
        if (exclusive_ && !local && (!asked || &group != &changed_)) {
            return fault_without_parent(group, own, below);
        }
        auto fault = partition_fault(state_, group);
        const bool reason_stays = exclusive_ && &group != &changed_;
        if (fault && reason_stays && own.fault) {
            return own.fault;
        }
        return fault && reason_stays && changed_.parent == group.parent ? "" : fault;
    }

    std::optional<std::string> fault_without_parent(const Cgroup& group, const CpusetState& own,
                                                    bool below) const {
        if (own.fault && !below) {
            return own.fault;
        }
        if (!own.fault && was_remote(group) &&
            !remote_fault(state_, group, wanted_cpus(own)).has_value()) {
            return std::nullopt;
        }
        const CpusetState above = cpuset_of(*group.parent);
        return std::string(above.partition != Partition::kMember && above.fault
                               ? "Parent is an invalid partition root"
                               : kNotPartition);
    }

    const Engine::State& state_;
    Cgroup& changed_;
    bool exclusive_;
    std::vector<const Cgroup*> remote_;
    IdSet above_;  ///< what the group above a remote one had
};

/// Whether siblings leave a group the CPUs that it wants alone (validate_change, 6.12).
Result<void> check_exclusive(const Cgroup& group, const IdSet& cpus) {
    CpusetState own = cpuset_of(group);
    own.exclusive = cpus;
    for (const Cgroup* sibling : group.parent->children) {
        if (sibling == &group) {
            continue;
        }
        const CpusetState other = cpuset_of(*sibling);
        const bool both = !cpus.empty() && !other.exclusive.empty();
        bool taken = false;
        if (both || is_partition(group, own) || is_partition(*sibling, other)) {
            taken = wanted_cpus(own).intersects(wanted_cpus(other));
        } else if (!cpus.empty()) {
            // Were they taken, the other one would have none left.
            taken = !other.cpus.empty() && cpus.includes(other.cpus);
        } else {
            taken = !own.cpus.empty() && other.exclusive.includes(own.cpus);
        }
        if (taken) {
            return Err(Errno::kEINVAL);
        }
    }
    return {};
}

}  // namespace

CpusetState cpuset_of(const Cgroup& group) {
    CpusetState state = group.states.get<&ControllerStates::cpuset>();
    if (group.states.find<&ControllerStates::cpuset>() == nullptr) {
        state.flag(CpusetFlag::kSchedLoadBalance) = true;
        state.flag(CpusetFlag::kCpuExclusive) = group.is_root();
        state.flag(CpusetFlag::kMemExclusive) = group.is_root();
    }
    return state;
}

CpusetState& own_cpuset(Cgroup& group) {
    const CpusetState now = cpuset_of(group);
    CpusetState& state = group.states.set<&ControllerStates::cpuset>();
    state = now;
    return state;
}

/// The group itself or the nearest one above that has a cpuset.
const Cgroup& cpuset_group(const Cgroup& group) {
    const Cgroup* level = &group;
    while (!level->is_root() && !has_cpuset(*level)) {
        level = level->parent;
    }
    return *level;
}

IdSet cpus_of_machine(const Engine::State& state) {
    return IdSet::first(std::max(1U, state.machine().cpus));
}

IdSet effective_cpus_of(const Engine::State& state, const Cgroup& group) {
    IdSet cpus = granted_cpus(state, group);
    for (const Cgroup* child : group.children) {
        if (is_partition(*child, cpuset_of(*child))) {
            cpus = cpus - exclusive_cpus_of(state, *child);
        }
    }
    return group.is_root() && group.is_v2() ? cpus - remote_cpus(state, group) : cpus;
}

void set_cpus(const Engine::State& state, Cgroup& group, const IdSet& cpus) {
    PartitionChange change(state, group);
    own_cpuset(group).cpus = cpus;
    change.revalidate(false);
}

void Engine::set_partition(Cgroup& group, Partition partition) {
    PartitionChange change(*state_, group);
    CpusetState& own = own_cpuset(group);
    own.partition = partition;
    own.fault.reset();
    change.revalidate(true);
}

Result<void> Engine::set_exclusive_cpus(Cgroup& group, const IdSet& cpus) {
    MEMCGFS_TRY(check_exclusive(group, cpus));
    PartitionChange change(*state_, group);
    own_cpuset(group).exclusive = cpus;
    change.revalidate(false);
    return {};
}

IdSet Engine::exclusive_cpus(const Cgroup& group) const {
    return exclusive_cpus_of(*state_, group);
}

IdSet Engine::isolated_cpus() const {
    IdSet cpus;
    state_->cgroups.for_each([&](const Cgroup& group) {
        const CpusetState own = cpuset_of(group);
        if (is_partition(group, own) && own.partition == Partition::kIsolated) {
            cpus = cpus | exclusive_cpus_of(*state_, group);
        }
    });
    return cpus;
}

}  // namespace memcgfs::engine
