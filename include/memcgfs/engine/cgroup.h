// SPDX-License-Identifier: MIT
//
// The control-group core: hierarchies, groups, membership (kernel/cgroup/cgroup.c, 6.1, 6.12).
//
// A Cgroup is a directory's other half. It has a memcg of its own in v1 always, in v2 when its
// parent hands out the memory controller; otherwise its tasks are charged to the nearest
// ancestor's. Engine lock held for everything.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/psi.h"

namespace memcgfs::engine {

class Memcg;

enum class Hierarchy : std::uint8_t { kV1Memory, kV2 };

/// v2 controllers, in the fixed order of cgroup.controllers. Bits of a mask.
enum class Controller : std::uint8_t { kCpuset, kCpu, kIo, kMemory, kHugetlb, kPids, kRdma, kMisc };
using ControllerMask = std::uint32_t;
constexpr ControllerMask mask_of(Controller controller) {
    return 1U << static_cast<unsigned>(controller);
}

inline constexpr std::int32_t kNoTreeLimit = INT32_MAX;  ///< "max" in cgroup.max.*

/// When a file was last announced as changed (struct cgroup_file).
struct FileNotice {
    std::optional<Nanos> last;
    bool timer = false;  ///< another announcement is on its way
};

struct Cgroup {
    Cgroup(CgroupId cgroup_id, Hierarchy which, Cgroup* parent_group, std::string group_name)
        : id(cgroup_id), hierarchy(which), parent(parent_group), name(std::move(group_name)) {}

    CgroupId id;
    Hierarchy hierarchy;
    Cgroup* parent;
    std::string name;  ///< empty for the root
    std::vector<Cgroup*> children;
    /// Members in the order of joining.
    std::vector<TaskId> tasks;
    /// Ever had one: only then can a process unknown so far be in it, as a member's child.
    bool had_members = false;
    Memcg* memcg = nullptr;  ///< own memcg, or nullptr: the parent's effective one counts

    // v2.
    ControllerMask subtree_control = 0;
    std::int32_t max_depth = kNoTreeLimit;
    std::int32_t max_descendants = kNoTreeLimit;
    std::int32_t descendants = 0;        ///< live groups below
    std::int32_t dying_descendants = 0;  ///< removed groups below that still hold charges
    bool freeze = false;                 ///< the own setting
    bool pressure = true;                ///< cgroup.pressure
    PsiGroup psi;
    std::array<FileNotice, 4> notices;  ///< by NotifyFile
    std::uint64_t populated_count = 0;  ///< members here plus populated children
    std::uint64_t files_version = 0;    ///< grows when the set of files changes

    // v1.
    bool clone_children = false;
    bool notify_on_release = false;
    std::string release_agent;

    bool is_root() const { return parent == nullptr; }
    bool populated() const { return populated_count != 0; }
};

}  // namespace memcgfs::engine
