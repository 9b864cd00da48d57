// SPDX-License-Identifier: MIT
//
// May somebody read or write a file of the tree (inode_permission, 6.1)?
//
// Threads: any that holds neither the tree lock nor the engine lock.
#pragma once

#include <optional>
#include <string_view>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/vfs/permission.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::cli {

/// What the mode alone lets `who` write; the owner's bits count alone for the owner, the group's
/// alone for the group.
bool mode_allows_write(const vfs::Attributes& attributes, const vfs::Credentials& who);
/// Likewise for reading.
bool mode_allows_read(const vfs::Attributes& attributes, const vfs::Credentials& who);

struct FileOfGroup {
    engine::CgroupId group;
    std::string_view name;
};

/// Of a file of a group; `hierarchy_root` is the node of the hierarchy's root directory. None for
/// what is not there any more.
std::optional<vfs::Attributes> attributes_of(vfs::Tree& tree, vfs::NodeId hierarchy_root,
                                             const engine::Engine& engine, Mutex& engine_mutex,
                                             const FileOfGroup& file);

/// With groups and capabilities. False for what is not there any more.
bool may_write(vfs::Tree& tree, vfs::NodeId hierarchy_root, const engine::Engine& engine,
               Mutex& engine_mutex, const FileOfGroup& file, const vfs::Credentials& who,
               vfs::CallerRights& rights);

}  // namespace memcgfs::cli
