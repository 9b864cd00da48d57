// SPDX-License-Identifier: MIT
//
// Groups come, go, move and change what they hand out.
#include <algorithm>
#include <array>

#include "memcgfs/base/assert.h"
#include "sim/actions.h"
#include "sim/world.h"

namespace memcgfs::test {

namespace {

using namespace engine;

/// Result codes that a call may give: anything else is a mistake of the engine.
template <class R>
void expect(const R& result, std::initializer_list<Errno> allowed) {
    if (!result.ok() &&
        std::find(allowed.begin(), allowed.end(), result.error()) == allowed.end()) {
        throw Violation("errno", std::to_string(to_int(result.error())));
    }
}

void make_group(World& world) {
    const Cgroup* parent = world.pick_group();
    if (parent == nullptr || world.groups.size() > world.swarm().groups_max + 1) {
        return;
    }
    const auto id = world.engine().create_cgroup(parent->id, "g");
    expect(id, {Errno::kEAGAIN, Errno::kENOMEM});
    if (id.ok()) {
        world.groups.push_back(*id);
    }
}

void make_memory_group(World& world) {
    Cgroup* parent = world.pick_group();
    if (parent != nullptr && parent->is_v2()) {
        expect(world.engine().set_subtree_control(*parent, mask_of(Controller::kMemory), 0),
               {Errno::kENOENT, Errno::kEBUSY});
    }
    make_group(world);
}

void remove_group(World& world) {
    const CgroupId id = world.pick(world.groups);
    const Result<void> removed = world.engine().remove_cgroup(id);
    expect(removed, {Errno::kEBUSY, Errno::kENODEV});
    if (removed.ok() && world.one_in(2)) {
        std::erase(world.groups, id);
    }
}

/// rmdir wherever it is possible: it meets reclaim and charges under way.
void remove_empty_groups(World& world) {
    for (const CgroupId id : std::vector<CgroupId>(world.groups)) {
        if (world.engine().remove_cgroup(id).ok()) {
            std::erase(world.groups, id);
        }
    }
}

void change_subtree_control(World& world) {
    Cgroup* group = world.pick_group();
    if (group == nullptr || !group->is_v2()) {
        return;
    }
    const ControllerMask memory = mask_of(Controller::kMemory);
    const bool enable = world.one_in(2);
    expect(world.engine().set_subtree_control(*group, enable ? memory : 0, enable ? 0 : memory),
           {Errno::kENOENT, Errno::kEBUSY});
}

void limit_tree(World& world) {
    if (Cgroup* group = world.pick_group(); group != nullptr) {
        group->max_depth =
            world.one_in(2) ? kNoTreeLimit : static_cast<std::int32_t>(world.below(4));
        group->max_descendants =
            world.one_in(2) ? kNoTreeLimit : static_cast<std::int32_t>(world.below(6));
    }
}

void freeze_group(World& world) {
    if (Cgroup* group = world.pick_group(); group != nullptr && !group->is_root()) {
        world.engine().set_freeze(*group, world.one_in(2));
    }
}

void kill_group(World& world) {
    if (Cgroup* group = world.pick_group(); group != nullptr && !group->is_root()) {
        world.engine().kill_cgroup(*group);
    }
}

void rename_group(World& world) {
    expect(world.engine().rename_cgroup(world.pick(world.groups), "renamed"),
           {Errno::kEPERM, Errno::kENODEV});
}

void mount_hierarchy(World& world) {
    const std::array specs{
        HierarchySpec{.controllers = mask_of(Controller::kMemory), .name = {}},
        HierarchySpec{.controllers = mask_of(Controller::kMemory) | mask_of(Controller::kPids),
                      .name = {}},
        HierarchySpec{.controllers = mask_of(Controller::kCpuset), .name = "x"},
        HierarchySpec{.controllers = 0, .name = "y"}};
    HierarchySpec spec = specs[world.below(specs.size())];
    spec.controllers &= v1_controllers(world.engine().profile());
    const auto mounted = world.engine().mount_v1(spec, world.one_in(2) && spec.controllers == 0);
    expect(mounted, {Errno::kEBUSY, Errno::kEINVAL});
    if (mounted.ok() && std::find(world.groups.begin(), world.groups.end(), (*mounted)->root->id) ==
                            world.groups.end()) {
        world.groups.push_back((*mounted)->root->id);
    }
}

void unmount_hierarchy(World& world) {
    const auto hierarchies = world.engine().hierarchies();
    const Hierarchy* const hierarchy = hierarchies[world.below(hierarchies.size())];
    if (hierarchy->is_v2()) {
        return;
    }
    const CgroupId root = hierarchy->root->id;
    world.engine().unmounted(hierarchy->id);
    if (hierarchy->root == nullptr) {
        std::erase(world.groups, root);
        world.engine().mount_v2();
        const CgroupId v2 = world.engine().unified()->root->id;
        if (std::find(world.groups.begin(), world.groups.end(), v2) == world.groups.end()) {
            world.groups.push_back(v2);
        }
    }
}

constexpr std::array kActions{
    Action{"make_group", 3, make_group},
    Action{"make_memory_group", 8, make_memory_group, true},
    Action{"remove_group", 4, remove_group},
    Action{"remove_empty_groups", 1, remove_empty_groups},
    Action{"change_subtree_control", 2, change_subtree_control},
    Action{"limit_tree", 1, limit_tree},
    Action{"freeze_group", 1, freeze_group},
    Action{"kill_group", 1, kill_group},
    Action{"rename_group", 1, rename_group},
    Action{"mount_hierarchy", 1, mount_hierarchy},
    Action{"unmount_hierarchy", 1, unmount_hierarchy},
};

}  // namespace

std::span<const Action> group_actions() { return kActions; }

std::vector<Action> all_actions() {
    std::vector<Action> all;
    for (const auto part : {group_actions(), task_actions(), memory_actions(), knob_actions(),
                            abuse_actions(), event_actions(), node_actions()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

}  // namespace memcgfs::test
