// SPDX-License-Identifier: MIT
#include "engine/subtree.h"

#include "engine/charge.h"
#include "engine/kernel_memory.h"
#include "engine/members.h"
#include "engine/notify.h"
#include "engine/zswap.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

Result<void> check_one(const Engine& engine, const Cgroup& group, ControllerMask bit,
                       ControllerMask enable) {
    if ((enable & bit) != 0) {
        if ((engine.available_controllers(group) & bit) == 0) {
            return Err(Errno::kENOENT);
        }
        if (!group.is_root() && !group.tasks.empty() && (bit & kDomainControllers) != 0) {
            return Err(Errno::kEBUSY);
        }
        return {};
    }
    for (const Cgroup* child : group.children) {
        if ((child->subtree_control & bit) != 0) {
            return Err(Errno::kEBUSY);
        }
    }
    return {};
}

/// Stops or continues the members of a subtree, down to groups that are frozen on their own.
void apply_freeze(Engine::State& state, const Cgroup& group, bool frozen) {
    for (const TaskId id : group.tasks) {
        state.emit(FreezeEffect{state.tasks.find(id)->info.pid, frozen});
    }
    state.notify(group, NotifyFile::kCgroupEvents);
    for (const Cgroup* child : group.children) {
        if (!child->freeze) {
            apply_freeze(state, *child, frozen);
        }
    }
}

}  // namespace

bool memcg_id_left(const Engine::State& state) {
    std::size_t taken = state.memcgs.size();
    if (taken < state.profile().memcg_ids) {
        return true;
    }
    for (const Memcg* memcg : state.dying) {
        taken -= memcg->stat(StatItem::kSwap) == 0 ? 1 : 0;
    }
    return taken < state.profile().memcg_ids;
}

void online_css(Engine::State& state, Cgroup& group) {
    MEMCGFS_ASSERT(group.memcg == nullptr);
    Memcg* parent = group.parent != nullptr ? &effective_memcg(*group.parent) : nullptr;
    group.memcg = &state.new_memcg(parent, group.id);
}

void offline_css(Engine::State& state, Cgroup& group) {
    Memcg& memcg = *group.memcg;
    group.memcg = nullptr;
    detach_events(state, memcg);
    memcg.cgroup = {};
    memcg.online = false;
    memcg.memory.set_min(Pages{0});
    memcg.memory.set_low(Pages{0});
    memcg.wmark.levels = {};
    reparent_kernel_memory(state, memcg);
    reparent_zswap(state, memcg);
    drain_all_stock(state, memcg);
    state.dying.push_back(&memcg);
}

ControllerMask Engine::available_controllers(const Cgroup& group) const {
    if (!group.is_root()) {
        return group.parent->subtree_control;
    }
    return group.hierarchy->controllers;
}

Result<void> Engine::set_subtree_control(Cgroup& group, ControllerMask enable,
                                         ControllerMask disable) {
    enable &= ~group.subtree_control;
    disable &= group.subtree_control;
    for (unsigned index = 0; index < kControllerCount; index++) {
        const ControllerMask bit = 1U << index;
        if (((enable | disable) & bit) != 0) {
            MEMCGFS_TRY(check_one(*this, group, bit, enable));
        }
    }
    group.subtree_control = (group.subtree_control | enable) & ~disable;
    const ControllerMask memory = mask_of(Controller::kMemory);
    for (Cgroup* child : group.children) {
        if ((enable & memory) != 0) {
            online_css(*state_, *child);
        } else if ((disable & memory) != 0) {
            offline_css(*state_, *child);
        }
        if ((enable | disable) != 0) {
            child->files_version = state_->next_files_version++;
            child->controllers_came.came(enable, child->files_version);
        }
    }
    state_->collect_dying();
    return {};
}

void Engine::set_freeze(Cgroup& group, bool freeze) {
    if (group.freeze == freeze) {
        return;
    }
    const bool parent_frozen = group.parent != nullptr && is_frozen(*group.parent);
    group.freeze = freeze;
    if (!parent_frozen) {
        apply_freeze(*state_, group, freeze);
    }
}

bool Engine::frozen(const Cgroup& group) const { return is_frozen(group); }

}  // namespace memcgfs::engine
