// SPDX-License-Identifier: MIT
#include "engine/subtree.h"

#include <algorithm>

#include "engine/charge.h"
#include "engine/kernel_memory.h"
#include "engine/members.h"
#include "engine/notify.h"
#include "engine/reparent.h"
#include "engine/slab.h"
#include "engine/threads.h"
#include "engine/zswap.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

/// cgroup_vet_subtree_control_enable().
Result<void> may_hand_out(const Cgroup& group, ControllerMask enable) {
    if (!is_valid_domain(domain_of(group))) {
        return Err(Errno::kEOPNOTSUPP);
    }
    if (group.is_root()) {
        return {};
    }
    if ((enable & kDomainControllers) != 0) {
        if (group.threaded || is_thread_root(group)) {
            return Err(Errno::kEOPNOTSUPP);
        }
    } else if (group.threaded || can_be_thread_root(group)) {
        return {};
    }
    return group.tasks.empty() ? Result<void>{} : Err(Errno::kEBUSY);
}

Result<void> check_one(const Engine& engine, const Cgroup& group, ControllerMask bit,
                       ControllerMask enable) {
    if ((enable & bit) != 0) {
        if ((engine.available_controllers(group) & bit) == 0) {
            return Err(Errno::kENOENT);
        }
        return may_hand_out(group, enable);
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
        const Task& task = *state.tasks.find(id);
        if (is_frozen(state, task) == frozen) {  // or else another hierarchy keeps it stopped
            state.emit(FreezeEffect{process_of(task), frozen});
        }
    }
    state.notify(group, NotifyFile::kCgroupEvents);
    for (const Cgroup* child : group.children) {
        if (!child->freeze) {
            apply_freeze(state, *child, frozen);
        }
    }
}

}  // namespace

bool is_thread_root(const Cgroup& group) {
    if (group.threaded || group.is_root()) {
        return false;
    }
    const auto threaded = [](const Cgroup* child) { return child->threaded; };
    return std::any_of(group.children.begin(), group.children.end(), threaded) ||
           (!group.tasks.empty() && (group.subtree_control & kThreadedControllers) != 0);
}

bool can_be_thread_root(const Cgroup& group) {
    if (group.is_root()) {
        return true;
    }
    const auto populated_domain = [](const Cgroup* child) {
        return !child->threaded && child->populated();
    };
    return !group.threaded && (group.subtree_control & kDomainControllers) == 0 &&
           std::none_of(group.children.begin(), group.children.end(), populated_domain);
}

bool is_valid_domain(const Cgroup& group) {
    if (group.threaded) {
        return false;
    }
    for (const Cgroup* level = group.parent; level != nullptr; level = level->parent) {
        if (level->threaded || is_thread_root(*level)) {
            return false;
        }
    }
    return true;
}

const Cgroup& domain_of(const Cgroup& group) {
    const Cgroup* level = &group;
    while (level->threaded) {
        level = level->parent;
    }
    return *level;
}

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
    Memcg* above = group.parent != nullptr ? &effective_memcg(*group.parent) : nullptr;
    group.memcg = &state.new_memcg(above, group.id);
}

void offline_css(Engine::State& state, Cgroup& group) {
    Memcg& memcg = *group.memcg;
    group.memcg = nullptr;
    detach_events(state, memcg);
    memcg.content_changed();
    memcg.cgroup = {};
    memcg.online = false;
    memcg.memory.set_min(Pages{0});
    memcg.memory.set_low(Pages{0});
    memcg.wmark.levels = {};
    reparent_kernel_memory(state, memcg);
    reparent_slab(state, memcg);
    state.shrinker_backlog.move(memcg.id(), memcg.parent()->id());
    reparent_zswap(state, memcg);
    if (state.profile().charges_go_to_parent) {
        reparent_charges(state, memcg);
    } else {
        drain_all_stock(state, memcg);
    }
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
        child->states.forget(disable);
        if ((enable | disable) != 0) {
            child->files_version = state_->next_files_version++;
            child->controllers_came.came(enable, child->files_version);
        }
    }
    state_->collect_dying();
    return {};
}

GroupType Engine::type(const Cgroup& group) const {
    if (group.threaded) {
        return GroupType::kThreaded;
    }
    if (!is_valid_domain(group)) {
        return GroupType::kDomainInvalid;
    }
    return is_thread_root(group) ? GroupType::kDomainThreaded : GroupType::kDomain;
}

Result<void> Engine::make_threaded(Cgroup& group) {
    if (group.threaded) {
        return {};
    }
    const Cgroup& domain = domain_of(*group.parent);
    if (group.populated() || (group.subtree_control & kDomainControllers) != 0 ||
        !is_valid_domain(domain) || !can_be_thread_root(domain)) {
        return Err(Errno::kEOPNOTSUPP);
    }
    group.threaded = true;
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
    } else {
        // An ancestor has decided: there is nothing to wait for, and who waits is told so.
        state_->notify(group, NotifyFile::kCgroupEvents);
    }
}

bool Engine::frozen(const Cgroup& group) const { return is_frozen(group); }

}  // namespace memcgfs::engine
