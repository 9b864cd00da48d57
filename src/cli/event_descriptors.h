// SPDX-License-Identifier: MIT
//
// The two descriptors of a cgroup.event_control registration, found in the writer's process.
//
// Threads: any that holds neither the tree lock nor the engine lock.
#pragma once

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/hooks.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::cli {

/// Where the v1 hierarchy is.
struct V1Tree {
    vfs::Tree& tree;
    vfs::NodeId root;
    const engine::Engine& engine;
    Mutex& engine_mutex;
};

/// See interface::Hooks::open_event. The control file is recognised by device and inode number: it
/// must be on a device where the writer has this group's cgroup.event_control open.
Result<interface::EventDescriptors> open_event(const V1Tree& v1, engine::CgroupId group,
                                               const interface::EventRequest& request,
                                               const vfs::Credentials& who);

}  // namespace memcgfs::cli
