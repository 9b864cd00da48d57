// SPDX-License-Identifier: MIT
#include "cli/tree_roots.h"

#include "memcgfs/base/assert.h"

namespace memcgfs::cli {

std::string tree_name_of(engine::HierarchyId hierarchy) {
    return std::to_string(static_cast<unsigned>(hierarchy));
}

void TreeRoots::add(const engine::Hierarchy& hierarchy, std::string_view name) {
    const vfs::NodeId node = tree_.add_hierarchy(name, cgroup_fs_.root(hierarchy));
    vfs::AttributeChange change;
    change.mode = mode_;
    MEMCGFS_ASSERT(tree_.setattr(node, change).ok());
    const MutexLock lock(mutex_);
    roots_[hierarchy.id] = {std::string(name), node};
}

void TreeRoots::set_whole(const engine::Hierarchy& hierarchy) {
    const MutexLock lock(mutex_);
    roots_[hierarchy.id] = {};
}

void TreeRoots::remove(engine::HierarchyId hierarchy) {
    std::string name;
    {
        const MutexLock lock(mutex_);
        const auto root = roots_.extract(hierarchy);
        MEMCGFS_ASSERT(!root.empty());
        name = root.mapped().name;
    }
    tree_.remove_hierarchy(name);
}

bool TreeRoots::shows(engine::HierarchyId hierarchy) const {
    const MutexLock lock(mutex_);
    return roots_.contains(hierarchy);
}

vfs::NodeId TreeRoots::node(engine::HierarchyId hierarchy) const {
    const MutexLock lock(mutex_);
    const auto found = roots_.find(hierarchy);
    return found == roots_.end() ? vfs::kRootNode : found->second.node;
}

std::optional<engine::HierarchyId> TreeRoots::find(std::string_view name) const {
    const MutexLock lock(mutex_);
    for (const auto& [id, root] : roots_) {
        if (root.name == name) {
            return id;
        }
    }
    return std::nullopt;
}

}  // namespace memcgfs::cli
