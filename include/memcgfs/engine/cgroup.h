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
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/engine/controllers.h"
#include "memcgfs/engine/hierarchy.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/psi.h"

namespace memcgfs::engine {

class Memcg;

enum class GroupType : std::uint8_t { kDomain, kDomainThreaded, kDomainInvalid, kThreaded };

inline constexpr std::int32_t kNoTreeLimit = INT32_MAX;  ///< "max" in cgroup.max.*

/// Since when a v2 group has its controllers' files, by Cgroup::files_version; only those that came
/// after the group's making.
struct ControllersCame {
    struct Entry {
        Controller controller{};
        std::uint64_t version = 0;
    };
    std::vector<Entry> entries;

    void came(ControllerMask controllers, std::uint64_t version);
    /// 0: with the group.
    std::uint64_t version_of(Controller controller) const;
};

struct Cgroup {
    Cgroup(CgroupId cgroup_id, const Hierarchy& which, Cgroup* parent_group, std::string group_name)
        : id(cgroup_id), hierarchy(&which), parent(parent_group), name(std::move(group_name)) {}

    CgroupId id;
    const Hierarchy* hierarchy;  ///< the engine's
    Cgroup* parent;
    std::string name;  ///< empty for the root
    std::vector<Cgroup*> children;
    /// Members in the order of joining.
    std::vector<TaskId> tasks;
    /// Ever had one: only then can a process unknown so far be in it, as a member's child.
    bool had_members = false;
    ControllerSlots states;  ///< what was set of controllers other than memory
    Memcg* memcg = nullptr;  ///< own memcg, or nullptr: the parent's effective one counts

    // v2.
    ControllerMask subtree_control = 0;
    std::int32_t max_depth = kNoTreeLimit;
    std::int32_t max_descendants = kNoTreeLimit;
    std::int32_t descendants = 0;        ///< live groups below
    std::int32_t dying_descendants = 0;  ///< removed groups below that still hold charges
    bool threaded = false;               ///< cgroup.type
    bool freeze = false;                 ///< the own setting
    bool pressure = true;                ///< cgroup.pressure
    Nanos psi_begun{};              ///< the averages' periods count from here
    std::unique_ptr<PsiGroup> psi;  ///< psi_of() makes it; until then nothing has happened here
    std::array<FileNotice, 4> notices;  ///< by NotifyFile
    std::uint64_t populated_count = 0;  ///< members here plus populated children
    std::uint64_t files_version = 0;    ///< grows when the set of files changes
    ControllersCame controllers_came;

    // v1.
    bool clone_children = false;
    bool notify_on_release = false;
    std::string release_agent;

    bool is_v2() const { return hierarchy->is_v2(); }
    bool is_root() const { return parent == nullptr; }
    bool populated() const { return populated_count != 0; }
};

/// Whose files the group has: v1's are the hierarchy's, v2's what its parent hands out.
inline ControllerMask controllers_of(const Cgroup& group) {
    return group.is_v2() && !group.is_root() ? group.parent->subtree_control
                                             : group.hierarchy->controllers;
}

}  // namespace memcgfs::engine
