// SPDX-License-Identifier: MIT
#include "engine/hierarchies.h"

#include <algorithm>

#include "engine/members.h"
#include "engine/notify.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

/// What a pure v2 system can hand out. perf_event is in every group without being asked for.
ControllerMask v2_controllers(const Profile& profile) {
    ControllerMask mask = kernel_controllers(profile) & (mask_of(Controller::kPerfEvent) - 1);
    if (profile.version < KernelVersion{5, 0}) {
        mask &= ~mask_of(Controller::kCpuset);
    }
    if (profile.version < KernelVersion{5, 6}) {
        mask &= ~mask_of(Controller::kHugetlb);
    }
    return mask;
}

Hierarchy& add(Engine::State& state, CgroupVersion version, const HierarchySpec& spec) {
    Hierarchy& hierarchy = state.hierarchies.emplace_back();
    hierarchy.id = HierarchyId{static_cast<std::uint16_t>(state.hierarchies.size() - 1)};
    hierarchy.version = version;
    hierarchy.number = version == CgroupVersion::kV1 ? ++state.v1_hierarchies : 0;
    hierarchy.controllers = spec.controllers;
    hierarchy.name = spec.name;
    hierarchy.root = &state.cgroups.emplace(hierarchy, nullptr, std::string{});
    hierarchy.root->files_version = state.next_files_version++;
    return hierarchy;
}

/// The root's memcg goes along; it has no children.
void give_memory_to(Engine::State& state, const Hierarchy& hierarchy) {
    if (Memcg* const root = std::exchange(state.memory_hierarchy->root->memcg, nullptr)) {
        detach_events(state, *root);
        root->cgroup = hierarchy.root->id;
        hierarchy.root->memcg = root;
        root->use_hierarchy = hierarchy.is_v2() || state.profile().use_hierarchy_default;
        root->content_changed();
        // v1 alone has a counter for it.
        const Pages kernel{static_cast<std::uint64_t>(root->stat(StatItem::kKernel))};
        hierarchy.is_v2() ? root->kmem().uncharge(kernel) : root->kmem().charge(kernel);
        // And for sockets either the counter or the statistic.
        const Pages sockets = hierarchy.is_v2()
                                  ? root->tcpmem().usage()
                                  : Pages{static_cast<std::uint64_t>(root->stat(StatItem::kSock))};
        hierarchy.is_v2() ? root->tcpmem().uncharge(sockets) : root->tcpmem().charge(sockets);
        root->add_stat(StatItem::kSock, hierarchy.is_v2() ? as_delta(sockets) : -as_delta(sockets));
    }
    state.memory_hierarchy = &hierarchy;
}

/// What v1 has not taken is v2's.
void give_rest_to_v2(Engine::State& state) {
    Hierarchy& v2 = *state.unified;
    v2.controllers = v2_controllers(state.profile());
    for (const Hierarchy& hierarchy : state.hierarchies) {
        if (!hierarchy.is_v2() && hierarchy.root != nullptr) {
            v2.controllers &= ~hierarchy.controllers;
        }
    }
    v2.root->subtree_control &= v2.controllers;
    v2.root->files_version = state.next_files_version++;
}

/// Whether the memory controller can change its version: while only the root has it. Removed groups
/// that still hold charges are its children, too. DEVIATION(swapped-memory-stays): and no slot is
/// used, because the versions keep different books of slots.
bool memory_can_move(const Engine::State& state) {
    return state.root_memcg->children.empty() && state.swap_used == Pages{0};
}

/// rebind_subsystems(): controllers can leave v2 while only its root has them.
Result<void> may_take(const Engine::State& state, ControllerMask controllers) {
    for (const Hierarchy& hierarchy : state.hierarchies) {
        if (!hierarchy.is_v2() && hierarchy.root != nullptr &&
            (hierarchy.controllers & controllers) != 0) {
            return Err(Errno::kEBUSY);
        }
    }
    const Cgroup& root = *state.unified->root;
    const bool in_use = (root.subtree_control & controllers) != 0 && !root.children.empty();
    const bool memory_in_use =
        (controllers & mask_of(Controller::kMemory)) != 0 && !memory_can_move(state);
    return in_use || memory_in_use ? Result<void>(Err(Errno::kEBUSY)) : Result<void>{};
}

/// Nothing is there for `spec`, and nothing in its way: cgroup_setup_root().
Hierarchy& make_v1(Engine::State& state, const HierarchySpec& spec) {
    Hierarchy& hierarchy = add(state, CgroupVersion::kV1, spec);
    give_rest_to_v2(state);
    if (hierarchy.has(Controller::kMemory)) {
        give_memory_to(state, hierarchy);
    }
    state.tasks.for_each([&](Task& task) {
        task.groups.groups.resize(state.hierarchies.size());
        join(state, task, *hierarchy.root);
    });
    return hierarchy;
}

}  // namespace

void make_hierarchies(Engine::State& state) {
    const Layout layout = state.environment.layout;
    std::vector<HierarchySpec> v1 = state.environment.further_hierarchies;
    const auto has_memory = [](const HierarchySpec& spec) {
        return (spec.controllers & mask_of(Controller::kMemory)) != 0;
    };
    const bool wants_v1 = layout == Layout::kV1 || layout == Layout::kHybrid;
    if (wants_v1 && std::none_of(v1.begin(), v1.end(), has_memory)) {
        v1.insert(v1.begin(), {.controllers = mask_of(Controller::kMemory), .name = {}});
    }
    state.unified = &add(state, CgroupVersion::kV2, {});
    state.unified_visible = layout == Layout::kV2 || layout == Layout::kHybrid;
    state.memory_hierarchy = state.unified;
    ControllerMask taken = 0;
    for (const HierarchySpec& spec : v1) {
        MEMCGFS_ASSERT((spec.controllers & taken) == 0);
        taken |= spec.controllers;
        make_v1(state, spec);
    }
    give_rest_to_v2(state);
}

std::vector<const Hierarchy*> Engine::hierarchies() const {
    std::vector<const Hierarchy*> list;
    for (const Hierarchy& hierarchy : state_->hierarchies) {
        if (hierarchy.root != nullptr && (!hierarchy.is_v2() || state_->unified_visible)) {
            list.push_back(&hierarchy);
        }
    }
    return list;
}

Result<const Hierarchy*> Engine::mount_v1(const HierarchySpec& spec, bool none) {
    for (const Hierarchy& hierarchy : state_->hierarchies) {
        if (hierarchy.root == nullptr || hierarchy.is_v2() ||
            (!spec.name.empty() && spec.name != hierarchy.name)) {
            continue;
        }
        const bool says_which = spec.controllers != 0 || none;
        if (!says_which || spec.controllers == hierarchy.controllers) {
            return &hierarchy;
        }
        if (!spec.name.empty()) {
            return Err(Errno::kEBUSY);
        }
    }
    if (spec.controllers == 0 && !none) {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(may_take(*state_, spec.controllers));
    return &make_v1(*state_, spec);
}

const Hierarchy& Engine::mount_v2() {
    state_->unified_visible = true;
    return *state_->unified;
}

void Engine::unmounted(HierarchyId id) {
    Hierarchy& hierarchy = state_->hierarchies[static_cast<std::size_t>(id)];
    MEMCGFS_ASSERT(!hierarchy.is_v2());
    const bool memory = hierarchy.has(Controller::kMemory);
    if (hierarchy.root == nullptr || !hierarchy.root->children.empty() ||
        (memory && !memory_can_move(*state_))) {
        return;
    }
    if (memory) {
        give_memory_to(*state_, *state_->unified);
    }
    state_->tasks.for_each([id](Task& task) { task.groups[id] = {}; });
    state_->cgroups.erase(std::exchange(hierarchy.root, nullptr)->id);
    give_rest_to_v2(*state_);
}

void ControllersCame::came(ControllerMask controllers, std::uint64_t version) {
    for (unsigned bit = 0; bit < kControllerCount; bit++) {
        const auto controller = static_cast<Controller>(bit);
        if ((controllers & mask_of(controller)) != 0) {
            std::erase_if(entries, [controller](const Entry& entry) {
                return entry.controller == controller;
            });
            entries.push_back({controller, version});
        }
    }
}

std::uint64_t ControllersCame::version_of(Controller controller) const {
    for (const Entry& entry : entries) {
        if (entry.controller == controller) {
            return entry.version;
        }
    }
    return 0;
}

Cgroup* unified_group(const Engine::State& state, const Task& task) {
    return state.cgroups.find(task.groups.in(state.unified->id));
}

}  // namespace memcgfs::engine
