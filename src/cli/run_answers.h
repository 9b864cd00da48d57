// SPDX-License-Identifier: MIT
//
// What the supervisor of a run answers from: the trees and the engine.
//
// Thread: the supervisor's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "cli/fork_gate.h"
#include "cli/machine_answers.h"
#include "cli/tmpfs_mounts.h"
#include "cli/tracked_mounts.h"
#include "cli/tree_roots.h"
#include "cli/world_mounts.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/interface/proc_fs.h"
#include "memcgfs/runner/unique_fd.h"
#include "memcgfs/supervisor/supervisor.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::cli {

/// Where the trees of a run are.
struct RunMounts {
    dev_t tree_device = 0;
    runner::UniqueFd proc;  ///< the root of the files of /proc; none: there are no such files
    std::optional<runner::MountAgent> agent;  ///< none: nobody can mount
    /// Where POSIX shared memory of `process`, which has not been started yet, is to be charged;
    /// empty: nowhere.
    std::string shared_memory;
    pid_t process = 0;
};

class RunAnswers final : public supervisor::CallAnswers {
public:
    /// They outlive it.
    struct Trees {
        vfs::Tree& cgroups;
        interface::ProcTree& proc;
        TreeRoots& roots;
        interface::CgroupFs& cgroup_fs;
        const TrackedMounts& tracked;
    };
    RunAnswers(RunMounts mounts, Trees trees, const ForkGate::Parts& parts,
               MachineAnswers::Parts machine, TmpfsMounts::Parts tmpfs);

    bool is_tree(dev_t device) override;
    bool tells_type(dev_t device) override;
    std::optional<std::uint32_t> file_system_type(dev_t device, std::uint64_t node) override;
    bool knows_name(std::string_view name) override;
    std::optional<Result<runner::UniqueFd>> open_file(
        const supervisor::OpenRequest& request) override;
    Result<void> may_fork(const supervisor::ForkRequest& request) override;
    void makes_cgroup_namespace(pid_t caller) override;
    bool before_trace(pid_t caller, pid_t tracee) override;
    void drop_cache(dev_t device, std::uint64_t inode) override;
    bool before_growth(pid_t caller, std::uint64_t bytes) override;
    void serves_faults(pid_t caller) override;
    bool maps_memory(pid_t caller, std::function<void()> go_on) override;
    bool pins_memory(pid_t caller, pid_t owner, std::function<void()> go_on) override;
    supervisor::MountAnswers* mounts(supervisor::FsType type) override;
    std::optional<supervisor::FsType> mounted_type(dev_t device) override;
    supervisor::MachineCalls* machine() override { return &machine_; }

private:
    /// The caller, or the next child of its process, is about to have a cgroup namespace.
    void note_namespace(pid_t caller, bool for_child);
    /// The caller may make children there.
    Result<void> may_enter(std::int32_t caller, engine::CgroupId group);
    struct ProcessFile {
        std::int32_t pid = 0;             ///< of a process or thread; 0: the caller
        bool of_thread = true;            ///< or else of the process
        std::optional<std::int32_t> tid;  ///< of task/TID, which must be a thread of that process
        std::string name;
    };
    static std::optional<ProcessFile> process_file(std::string_view path);
    std::optional<Result<runner::UniqueFd>> open_process_file(
        const supervisor::OpenRequest& request, const ProcessFile& file);
    /// Nothing: the host's says it as Linux would.
    std::optional<Result<runner::UniqueFd>> open_state(const supervisor::OpenRequest& request,
                                                       const std::string& path,
                                                       const ProcessFile& file);
    /// The number of the directory in the tree of /proc's files.
    Result<std::int32_t> enter(const ProcessFile& file, std::int32_t caller);
    /// Of the tree of /proc's files; `path` has no slash in front.
    Result<runner::UniqueFd> open_proc(const std::string& path,
                                       const supervisor::OpenRequest& request);
    Result<runner::UniqueFd> make_mount_table(std::int32_t pid, std::string_view name,
                                              pid_t reader);

    const dev_t tree_device_;
    const runner::UniqueFd proc_;  ///< RunMounts::proc
    dev_t proc_device_ = 0;
    Trees trees_;
    engine::Engine& engine_;
    Mutex& engine_mutex_;
    world::LiveTasks& tasks_;
    std::unordered_set<std::string> names_;  ///< last names of files that are ours
    const std::function<void()> flush_;      ///< ForkGate::Parts'
    const std::function<meter::Follower*()> follower_;  ///< the same
    ForkGate gate_;
    WorldMounts world_mounts_;
    TmpfsMounts tmpfs_mounts_;
    MachineAnswers machine_;
};

}  // namespace memcgfs::cli
