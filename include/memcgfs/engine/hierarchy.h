// SPDX-License-Identifier: MIT
//
// What a hierarchy is: a version, controllers, perhaps a name (struct cgroup_root, 6.1).
//
// v1 has a tree for each set of controllers that is mounted together, and named trees without
// any; v2 has one tree, with the controllers that no v1 tree has taken. A task is in one group of
// each. Values; the groups are the engine's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

struct Cgroup;

enum class CgroupVersion : std::uint8_t { kV1, kV2 };

/// Controllers, v2's in the fixed order of cgroup.controllers; v1 calls kIo "blkio". Bits of a
/// mask.
enum class Controller : std::uint8_t {
    kCpuset,
    kCpu,
    kIo,
    kMemory,
    kHugetlb,
    kPids,
    kRdma,
    kMisc,
    kPerfEvent,  ///< in every v2 group without being asked for
    kCpuacct,    ///< from here on v1 only
    kDevices,
    kFreezer,
    kNetCls,
    kNetPrio,
};
inline constexpr unsigned kControllerCount = static_cast<unsigned>(Controller::kNetPrio) + 1;
using ControllerMask = std::uint32_t;
constexpr ControllerMask mask_of(Controller controller) {
    return 1U << static_cast<unsigned>(controller);
}

/// A v1 hierarchy as mount(8) is asked for one.
struct HierarchySpec {
    ControllerMask controllers = 0;
    std::string name;  ///< of "name="; empty for one with controllers

    bool operator==(const HierarchySpec&) const = default;
};

/// Place in the engine's list of hierarchies, never used again: 0 is v2's, and those of the
/// environment follow in their order.
enum class HierarchyId : std::uint16_t {};

struct Hierarchy {
    HierarchyId id{};
    CgroupVersion version{};
    /// By which /proc names it: v1's from 1 on in the order of their making; 0 is v2's.
    std::uint32_t number = 0;
    /// v1: always the same. v2: what no v1 hierarchy has taken.
    ControllerMask controllers = 0;
    std::string name;
    Cgroup* root = nullptr;  ///< nullptr: it has gone

    bool is_v2() const { return version == CgroupVersion::kV2; }
    bool has(Controller controller) const { return (controllers & mask_of(controller)) != 0; }
};

/// One group of each hierarchy, by HierarchyId (struct css_set).
struct Membership {
    std::vector<CgroupId> groups;

    /// No id where nothing is said about that hierarchy.
    CgroupId in(HierarchyId hierarchy) const {
        const auto index = static_cast<std::size_t>(hierarchy);
        return index < groups.size() ? groups[index] : CgroupId{};
    }
    CgroupId& operator[](HierarchyId hierarchy) {
        return groups[static_cast<std::size_t>(hierarchy)];
    }
    bool operator==(const Membership&) const = default;
    auto operator<=>(const Membership&) const = default;
};

}  // namespace memcgfs::engine
