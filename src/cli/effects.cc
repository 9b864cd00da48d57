// SPDX-License-Identifier: MIT
#include "cli/effects.h"

#include <utility>

#include "memcgfs/base/assert.h"
#include "memcgfs/base/errno.h"

namespace memcgfs::cli {

void Effects::spawn(std::unique_ptr<Operation> operation) {
    MEMCGFS_ASSERT(runner_ != nullptr);
    runner_->submit(std::move(operation), {});
}

void Effects::wake(OperationId operation) {
    MEMCGFS_ASSERT(runner_ != nullptr);
    runner_->wake(operation);
}

void Effects::kill(const engine::KillEffect& effect) {
    const Result<void> killed = tasks_.kill(effect.pid);
    if (killed.ok()) {
        logger_.info("killed pid={} reason={}", effect.pid, effect.reason);
    } else if (killed.error() != Errno::kESRCH) {
        logger_.warn("cannot kill pid={} reason={} error={}", effect.pid, effect.reason,
                     errno_name(killed.error()));
    }
}

void Effects::freeze(const engine::FreezeEffect& effect) {
    const Result<void> frozen = tasks_.freeze(effect.pid, effect.frozen);
    if (!frozen.ok() && frozen.error() != Errno::kESRCH) {
        logger_.warn("cannot freeze pid={} error={}", effect.pid, errno_name(frozen.error()));
    }
}

void Effects::move(const engine::MoveEffect& effect) {
    const Result<void> moved = tasks_.set_css_set(effect.pid, effect.css_set);
    if (!moved.ok() && moved.error() != Errno::kESRCH) {
        logger_.warn("cannot tag pid={} error={}", effect.pid, errno_name(moved.error()));
    }
    if (moved_) {
        moved_(effect.pid);
    }
}

void Effects::file_modified(const engine::FileModifiedEffect& effect) {
    if (tree_ != nullptr) {
        const auto [dir, file] = cgroup_fs_->file_of(effect);
        tree_->notify(dir, file);
        if (auto path = tree_->watchable_path(dir, file)) {
            announcer_->announce(*std::move(path));
        }
    }
}

void Effects::content_changed(const engine::ContentChangedEffect& effect) {
    if (content_changed_) {
        content_changed_(vfs::DirKey{effect.cgroup.value});
    }
}

void Effects::tick(const engine::EventTickEffect& effect) {
    if (cgroup_fs_ != nullptr) {
        cgroup_fs_->tick(effect);
    }
}

void Effects::psi_trigger(const engine::PsiTriggerEffect& effect) {
    if (tree_ != nullptr && !proc_->wake(effect)) {
        tree_->wake(vfs::OpenId{effect.cookie}, effect.fired);
    }
}

void Effects::run_release_agent(const engine::ReleaseAgentEffect& effect) {
    if (release_agents_ != nullptr) {
        release_agents_->run(effect);
    } else {
        // DEVIATION(release-agent-of-a-mount): whose program that would be, and where it would
        // run, the tree of a mount does not know.
        logger_.warn("release agent not run program={} group={}", effect.program, effect.group);
    }
}

void Effects::await_members() {
    if (release_agents_ != nullptr) {
        release_agents_->look();
    }
}

void Effects::kernel_log(const engine::KernelLogEffect& effect) {
    logger_.info("kernel: {}", effect.line);
    kernel_log_.append(static_cast<unsigned>(effect.level), effect.line);
}

}  // namespace memcgfs::cli
