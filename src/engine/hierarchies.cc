// SPDX-License-Identifier: MIT
#include "engine/hierarchies.h"

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

void add(Engine::State& state, CgroupVersion version, const HierarchySpec& spec) {
    state.hierarchies.push_back(
        {.id = HierarchyId{static_cast<std::uint8_t>(state.hierarchies.size())},
         .version = version,
         .controllers = spec.controllers,
         .name = spec.name});
}

}  // namespace

void make_hierarchies(Engine::State& state) {
    const Layout layout = state.environment.layout;
    const auto& further = state.environment.further_hierarchies;
    state.hierarchies.reserve(further.size() + 2);
    ControllerMask taken = 0;
    if (layout != Layout::kV2) {
        taken = mask_of(Controller::kMemory);
        add(state, CgroupVersion::kV1, {.controllers = taken, .name = {}});
    }
    for (const HierarchySpec& spec : further) {
        MEMCGFS_ASSERT((spec.controllers & taken) == 0);
        taken |= spec.controllers;
    }
    if (layout != Layout::kV1) {
        const ControllerMask left = v2_controllers(state.profile()) & ~taken;
        add(state, CgroupVersion::kV2, {.controllers = left, .name = {}});
    }
    for (const HierarchySpec& spec : further) {
        add(state, CgroupVersion::kV1, spec);
    }
    for (Hierarchy& hierarchy : state.hierarchies) {
        hierarchy.root = &state.cgroups.emplace(hierarchy, nullptr, std::string{});
        if (hierarchy.is_v2()) {
            state.unified = &hierarchy;
        }
        if (hierarchy.has(Controller::kMemory)) {
            state.memory_hierarchy = &hierarchy;
        }
    }
    MEMCGFS_ASSERT(state.memory_hierarchy != nullptr);
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
    return state.unified == nullptr ? nullptr
                                    : state.cgroups.find(task.groups.in(state.unified->id));
}

}  // namespace memcgfs::engine
