// SPDX-License-Identifier: MIT
//
// What the live tree does about the engine's effects (exec/outbox.h).
//
// Threads: as EffectHandlers says, one at a time, no lock held. bind() before the first effect
// that needs it.
#pragma once

#include <spdlog/logger.h>

#include <functional>
#include <utility>

#include "cli/announcer.h"
#include "cli/release_agents.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/exec/outbox.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/interface/kernel_log.h"
#include "memcgfs/interface/proc_fs.h"
#include "memcgfs/vfs/tree.h"
#include "memcgfs/world/live_tasks.h"

namespace memcgfs::cli {

class Effects final : public exec::EffectHandlers {
public:
    Effects(world::LiveTasks& tasks, spdlog::logger& logger, interface::KernelLog& kernel_log)
        : tasks_(tasks), logger_(logger), kernel_log_(kernel_log) {}

    /// The parts that are made after the outbox. They must outlive the last flush.
    void bind_runner(OperationRunner& runner) { runner_ = &runner; }
    struct Trees {
        interface::CgroupFs& cgroup_fs;
        vfs::Tree& tree;  ///< of groups
        interface::ProcTree& proc;
    };
    void bind_trees(const Trees& trees, Announcer& announcer) {
        cgroup_fs_ = &trees.cgroup_fs;
        tree_ = &trees.tree;
        proc_ = &trees.proc;
        announcer_ = &announcer;
    }
    /// Who runs release agents; nobody does before.
    void bind_release_agents(ReleaseAgents& agents) { release_agents_ = &agents; }
    /// Who is told of processes that have been moved, by the thread that delivers; before the tree
    /// is served.
    void bind_moves(std::function<void(std::int32_t pid)> moved) { moved_ = std::move(moved); }
    /// Who is told of changed contents; before the tree is served.
    void bind_contents(std::function<void(vfs::DirKey)> content_changed) {
        content_changed_ = std::move(content_changed);
    }

    void spawn(std::unique_ptr<Operation> operation) override;
    void wake(OperationId operation) override;
    void kill(const engine::KillEffect& effect) override;
    void freeze(const engine::FreezeEffect& effect) override;
    void move(const engine::MoveEffect& effect) override;
    void file_modified(const engine::FileModifiedEffect& effect) override;
    void content_changed(const engine::ContentChangedEffect& effect) override;
    void tick(const engine::EventTickEffect& effect) override;
    void psi_trigger(const engine::PsiTriggerEffect& effect) override;
    void run_release_agent(const engine::ReleaseAgentEffect& effect) override;
    void await_members() override;
    void kernel_log(const engine::KernelLogEffect& effect) override;

private:
    world::LiveTasks& tasks_;
    spdlog::logger& logger_;
    interface::KernelLog& kernel_log_;
    OperationRunner* runner_ = nullptr;
    interface::CgroupFs* cgroup_fs_ = nullptr;
    vfs::Tree* tree_ = nullptr;
    interface::ProcTree* proc_ = nullptr;
    Announcer* announcer_ = nullptr;
    ReleaseAgents* release_agents_ = nullptr;
    std::function<void(vfs::DirKey)> content_changed_;
    std::function<void(std::int32_t)> moved_;
};

}  // namespace memcgfs::cli
