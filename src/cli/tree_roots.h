// SPDX-License-Identifier: MIT
//
// Under which names the hierarchies' roots are in the tree's root directory.
//
// Threads: any; no lock held by callers but those before LockRank::kTree.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::cli {

class TreeRoots {
public:
    /// `mode` is that of the roots. The references outlive it.
    TreeRoots(vfs::Tree& tree, const interface::CgroupFs& cgroup_fs, mode_t mode)
        : tree_(tree), cgroup_fs_(cgroup_fs), mode_(mode) {}

    /// Shows the hierarchy as a directory of the tree's root.
    void add(const engine::Hierarchy& hierarchy, std::string_view name);
    /// The tree's root is this hierarchy's.
    void set_whole(const engine::Hierarchy& hierarchy);
    void remove(engine::HierarchyId hierarchy);

    bool shows(engine::HierarchyId hierarchy) const;
    /// The tree's root for one that is not shown.
    vfs::NodeId node(engine::HierarchyId hierarchy) const;
    std::optional<engine::HierarchyId> find(std::string_view name) const;

private:
    struct Root {
        std::string name;
        vfs::NodeId node = vfs::kRootNode;
    };

    vfs::Tree& tree_;
    const interface::CgroupFs& cgroup_fs_;
    const mode_t mode_;
    mutable Mutex mutex_{LockRank::kLeaf};
    std::map<engine::HierarchyId, Root> roots_ MEMCGFS_GUARDED_BY(mutex_);
};

/// The name of a hierarchy's directory where each is mounted by itself.
std::string tree_name_of(engine::HierarchyId hierarchy);

}  // namespace memcgfs::cli
