// SPDX-License-Identifier: MIT
#include <algorithm>

#include "memcgfs/base/assert.h"
#include "memcgfs/vfs/permission.h"
#include "vfs/state.h"

namespace memcgfs::vfs {

namespace {

constexpr mode_t kModeBits = 07777;

void set_times(Ownership& ownership, const timespec& now) {
    ownership.accessed = now;
    ownership.modified = now;
    ownership.changed = now;
}

/// The times of a node are those of the first look at it, not of its making.
void look_first(const NodeRef& node, const Tree::WallClock& wall_clock) {
    Directory& directory = *node.directory;
    bool& looked_up = node.batch == nullptr ? directory.ever_looked_up : directory.files_looked_up;
    if (!looked_up) {
        looked_up = true;
        set_times(node.batch == nullptr ? directory.ownership : directory.file_ownership,
                  wall_clock());
    }
}

/// What the file has as long as nobody has changed it.
Ownership default_ownership(const NodeRef& node) {
    Ownership ownership = node.directory->file_ownership;
    ownership.mode = node.info().mode & kModeBits;
    return ownership;
}

nlink_t subdirectories(const Directory& directory) {
    if (directory.hierarchy != nullptr) {
        return directory.children.size();
    }
    return static_cast<nlink_t>(
        std::count_if(directory.children.begin(), directory.children.end(),
                      [](const auto& child) { return child.second->link_target.empty(); }));
}

}  // namespace

std::uint64_t Tree::State::inode_of(const NodeRef& node) const {
    return node.batch == nullptr ? node.directory->inode : node.batch->first_inode + node.position;
}

Attributes Tree::State::attributes_of(const NodeRef& node) {
    look_first(node, wall_clock);
    Attributes attributes;
    attributes.node = node.id();
    attributes.inode = inode_of(node);
    attributes.dir = node.directory->key;
    attributes.gone =
        node.directory->removed || (node.batch != nullptr && node.batch->is_gone(node.position));
    Ownership ownership;
    if (node.batch == nullptr) {
        ownership = node.directory->ownership;
        const bool link = !node.directory->link_target.empty();
        attributes.mode = link ? S_IFLNK : S_IFDIR;
        attributes.links = link ? 1 : 2 + subdirectories(*node.directory);
        attributes.permanent =
            node.directory->key == DirKey{} || provider.keeps_name(node.directory->key);
    } else {
        const auto extra = node.directory->extras.find(attributes.node);
        ownership = extra != node.directory->extras.end() && extra->second.ownership
                        ? *extra->second.ownership
                        : default_ownership(node);
        attributes.mode = S_IFREG;
        attributes.permanent = node.info().permanent;
        attributes.told = node.info().told;
    }
    attributes.mode |= ownership.mode;
    attributes.uid = ownership.uid;
    attributes.gid = ownership.gid;
    attributes.accessed = ownership.accessed;
    attributes.modified = ownership.modified;
    attributes.changed = ownership.changed;
    return attributes;
}

Ownership& Tree::State::ownership_to_change(const NodeRef& node) {
    look_first(node, wall_clock);
    if (node.batch == nullptr) {
        node.directory->has_stored_attributes = true;
        return node.directory->ownership;
    }
    Extra& extra = node.directory->extras[node.id()];
    if (!extra.ownership) {
        extra.ownership = default_ownership(node);
    }
    return *extra.ownership;
}

void Tree::State::entries_changed(Directory& directory) {
    if (directory.has_stored_attributes) {
        directory.ownership.modified = wall_clock();
        directory.ownership.changed = directory.ownership.modified;
    }
}

Result<Attributes> Tree::getattr(NodeId node) {
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found) {
        return Err(Errno::kENOENT);
    }
    return state_->attributes_of(*found);
}

Result<Attributes> Tree::setattr(NodeId node, const AttributeChange& change) {
    MutexLock lock(state_->mutex);
    const auto found = state_->find(node);
    if (!found) {
        return Err(Errno::kENOENT);
    }
    Ownership& ownership = state_->ownership_to_change(*found);
    if (change.mode) {
        ownership.mode = *change.mode & kModeBits;
    }
    ownership.uid = change.uid.value_or(ownership.uid);
    ownership.gid = change.gid.value_or(ownership.gid);
    ownership.accessed = change.accessed.value_or(ownership.accessed);
    ownership.modified = change.modified.value_or(ownership.modified);
    ownership.changed = state_->wall_clock();
    return state_->attributes_of(*found);
}

std::vector<Attributes> Tree::closed_above(NodeId node) {
    MutexLock lock(state_->mutex);
    std::vector<Attributes> closed;
    const auto found = state_->find(node);
    if (!found) {
        return closed;
    }
    Directory* const first = found->batch != nullptr ? found->directory : found->directory->parent;
    for (Directory* level = first; level != nullptr; level = level->parent) {
        if (!all_may_search(level->ownership.mode)) {
            closed.push_back(state_->attributes_of({.directory = level}));
        }
    }
    return closed;
}

void Tree::hold(NodeId node) {
    MutexLock lock(state_->mutex);
    if (const auto found = state_->find(node)) {
        found->uses()++;
    }
}

void Tree::forget(NodeId node, std::uint64_t count) {
    MutexLock lock(state_->mutex);
    if (const auto found = state_->find(node)) {
        MEMCGFS_ASSERT(found->uses() >= count);
        found->uses() -= count;
        state_->collect(*found->directory);
    }
}

}  // namespace memcgfs::vfs
