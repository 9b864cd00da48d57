// SPDX-License-Identifier: MIT
//
// What the supervisor of a run answers from: the tree and the engine.
//
// Thread: the supervisor's.
#pragma once

#include <sys/types.h>

#include "cli/fork_gate.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/supervisor/supervisor.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::cli {

class RunAnswers final : public supervisor::CallAnswers {
public:
    /// `device` is the mounted tree's.
    RunAnswers(dev_t device, vfs::Tree& tree, ForkGate::Parts parts);

    bool is_tree(dev_t device) override { return device == device_; }
    std::optional<std::uint32_t> file_system_type(std::uint64_t node) override;
    Result<void> may_fork(const supervisor::ForkRequest& request) override;

private:
    /// The caller may put processes there: by the mode of its cgroup.procs.
    Result<void> may_enter(std::int32_t caller, engine::CgroupId group);

    const dev_t device_;
    vfs::Tree& tree_;
    engine::Engine& engine_;
    Mutex& engine_mutex_;
    world::LiveTasks& tasks_;
    ForkGate gate_;
};

}  // namespace memcgfs::cli
