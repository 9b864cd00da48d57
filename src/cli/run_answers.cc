// SPDX-License-Identifier: MIT
#include "cli/run_answers.h"

#include <linux/magic.h>

#include "cli/write_permission.h"

namespace memcgfs::cli {

RunAnswers::RunAnswers(dev_t device, vfs::Tree& tree, ForkGate::Parts parts)
    : device_(device),
      tree_(tree),
      engine_(parts.engine),
      engine_mutex_(parts.engine_mutex),
      tasks_(parts.tasks),
      gate_(std::move(parts)) {}

std::optional<std::uint32_t> RunAnswers::file_system_type(std::uint64_t node) {
    if (engine_.layout() == engine::Layout::kV2) {
        return CGROUP2_SUPER_MAGIC;
    }
    const auto attributes = tree_.getattr(vfs::NodeId{node});
    if (!attributes.ok()) {
        return std::nullopt;
    }
    if (attributes->dir == vfs::DirKey{}) {
        return TMPFS_MAGIC;
    }
    const MutexLock lock(engine_mutex_);
    const engine::Cgroup* const group =
        engine_.find(engine::CgroupId{static_cast<std::uint64_t>(attributes->dir)});
    if (group == nullptr) {
        return std::nullopt;
    }
    return group->is_v2() ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
}

Result<void> RunAnswers::may_fork(const supervisor::ForkRequest& request) {
    std::optional<engine::CgroupId> into;
    if (request.into) {
        const auto attributes = tree_.getattr(vfs::NodeId{*request.into});
        if (!attributes.ok() || attributes->dir == vfs::DirKey{}) {
            return Err(attributes.ok() ? Errno::kEBADF : Errno::kENODEV);
        }
        into = engine::CgroupId{static_cast<std::uint64_t>(attributes->dir)};
        MEMCGFS_TRY(may_enter(request.caller, *into));
    }
    return gate_.may_fork(request.caller, request.thread, into);
}

Result<void> RunAnswers::may_enter(std::int32_t caller, engine::CgroupId group) {
    const world::ProcessInfo process = MEMCGFS_TRY(tasks_.find(caller, caller));
    if (process.uid == 0) {
        return {};
    }
    vfs::NodeId root = vfs::kRootNode;
    if (engine_.layout() == engine::Layout::kHybrid) {
        root = MEMCGFS_TRY(tree_.lookup(vfs::kRootNode, "unified")).node;
    }
    const vfs::Credentials who{process.uid, process.uid, caller};
    return may_write(tree_, root, engine_, engine_mutex_, {group, "cgroup.procs"}, who)
               ? Result<void>{}
               : Err(Errno::kEACCES);
}

}  // namespace memcgfs::cli
