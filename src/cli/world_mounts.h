// SPDX-License-Identifier: MIT
//
// Mounts of cgroup and cgroup2 by processes of a run.
//
// A hierarchy is a directory of the tree's root, named by its number in the engine; a mount of it
// is a mount of that directory, made by the mount agent. Whether there is one left is looked up in
// the mount tables of the world's processes after each umount(2).
// DEVIATION(mounts-that-end-unseen): a v1 hierarchy whose last mount went with its namespace is
// there until the next mount or umount.
//
// Thread: the supervisor's.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cli/mount_text.h"
#include "cli/tree_roots.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/mount_options.h"
#include "memcgfs/runner/mount_agent.h"
#include "memcgfs/supervisor/mount_answers.h"
#include "memcgfs/vfs/tree.h"
#include "memcgfs/world/live_tasks.h"

namespace memcgfs::cli {

class WorldMounts final : public supervisor::MountAnswers {
public:
    /// References outlive it.
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        world::LiveTasks& tasks;
        vfs::Tree& tree;
        TreeRoots& roots;
        std::function<void()> flush;  ///< delivers effects
        dev_t device = 0;             ///< of the tree
    };
    /// Without an agent nobody can mount.
    WorldMounts(Parts parts, std::optional<runner::MountAgent> agent)
        : parts_(std::move(parts)), agent_(std::move(agent)) {}

    bool can_mount() const { return agent_.has_value(); }
    /// nullptr: there is none.
    runner::MountAgent* agent() { return agent_ ? &*agent_ : nullptr; }

    Result<void> mount(const supervisor::MountRequest& request) override;
    Result<void> remount(const supervisor::MountRequest& request) override;
    Result<void> unmount(const supervisor::UnmountRequest& request) override;
    Result<std::unique_ptr<supervisor::MountContext>> open_context(
        pid_t caller, supervisor::FsType type) override;
    Result<std::unique_ptr<supervisor::MountContext>> pick_context(pid_t caller,
                                                                   int target) override;

    /// What a mount of a directory of the tree's root is; nothing if the hierarchy has gone.
    /// `reader` is a thread.
    std::optional<CgroupMount> describe(std::string_view directory, int mount_id,
                                        pid_t reader) const;

private:
    friend class WorldMountContext;

    /// ENODEV: a file system that the profile's kernel does not have.
    Result<void> is_known(supervisor::FsType type) const;
    /// The hierarchy that the options mean, made if need be and the maker is in no cgroup namespace
    /// of his own: EPERM.
    Result<const engine::Hierarchy*> hierarchy_for(const interface::MountOptions& options,
                                                   pid_t maker);
    /// The request means a v1 hierarchy that is there, or is none.
    bool meets_one(const interface::V1MountRequest& request);
    Result<const engine::Hierarchy*> v1_hierarchy(const interface::V1MountRequest& request);
    /// Of the tree's root, what a thread finds as the hierarchy's root.
    std::string directory_of(const engine::Hierarchy& hierarchy, pid_t thread) const;
    /// The path of the group that is the root of a cgroup namespace (TaskTable::namespace_root).
    std::string root_path(const engine::Hierarchy& hierarchy,
                          std::optional<std::uint32_t> namespace_root) const
        MEMCGFS_REQUIRES(parts_.engine_mutex);
    /// Whose root `target` is, and of a mount; EINVAL: of none.
    Result<const engine::Hierarchy*> mounted_at(int target) const;
    Result<void> reconfigure(int target, const interface::MountOptions& options);
    /// Ends the v1 hierarchies that nobody has mounted any more.
    void end_unmounted();
    /// Directories of the tree's root that are mounted in a world's process's namespace.
    std::set<std::string> mounted_directories() const;

    Parts parts_;
    std::optional<runner::MountAgent> agent_;
    std::map<std::uint64_t, std::string> sources_;  ///< by mount id
};

}  // namespace memcgfs::cli
