// SPDX-License-Identifier: MIT
//
// Limits, protections and knobs change while everything goes on.
#include <array>

#include "sim/actions.h"
#include "sim/world.h"

namespace memcgfs::test {

namespace {

using namespace engine;

Memcg* some_limited(World& world) {
    const Cgroup* group = world.pick_limited_group();
    return group != nullptr ? group->memcg : nullptr;
}

void set_limit(World& world) {
    Memcg* memcg = some_limited(world);
    if (memcg == nullptr) {
        return;
    }
    const Pages max{world.some_pages()};
    if (world.engine().memory_hierarchy().is_v2()) {
        world.start(world.engine().set_memory_max(*memcg, max));
    } else {
        const CounterKind kind = world.one_in(2) ? CounterKind::kMemory : CounterKind::kMemsw;
        world.start(world.engine().set_limit(*memcg, kind, max));
    }
}

void set_high(World& world) {
    Memcg* memcg = some_limited(world);
    const bool there =
        world.engine().memory_hierarchy().is_v2() || world.engine().profile().v1_has_high;
    if (memcg != nullptr && there) {
        world.start(world.engine().set_memory_high(*memcg, Pages{world.some_pages()}));
    }
}

void set_swap_limits(World& world) {
    Memcg* memcg = some_limited(world);
    if (memcg != nullptr && world.engine().memory_hierarchy().is_v2()) {
        if (world.one_in(2)) {
            memcg->swap.set_max(Pages{world.some_pages()});
        } else {
            memcg->swap.set_high(Pages{world.some_pages()});
        }
    }
}

void set_zswap(World& world) {
    Memcg* memcg = some_limited(world);
    if (memcg == nullptr || !world.engine().memory_hierarchy().is_v2()) {
        return;
    }
    if (world.one_in(3)) {
        memcg->zswap_writeback = world.one_in(2);
    } else {
        memcg->zswap_max = world.one_in(3) ? kPageCounterMax : Pages{world.some_pages() / 8};
    }
}

void set_protection(World& world) {
    if (Memcg* memcg = some_limited(world); memcg != nullptr) {
        if (world.one_in(3)) {
            world.engine().set_min(*memcg, Pages{world.some_pages()});
        } else {
            world.engine().set_low(*memcg, Pages{world.some_pages()});
        }
    }
}

void set_soft_limit(World& world) {
    if (Memcg* memcg = some_limited(world); memcg != nullptr) {
        memcg->soft_limit = Pages{world.some_pages()};
    }
}

void set_wmark(World& world) {
    Memcg* memcg = some_limited(world);
    if (memcg == nullptr || !world.engine().profile().wmark) {
        return;
    }
    if (world.one_in(2)) {
        world.engine().set_wmark_ratio(*memcg, static_cast<std::uint32_t>(world.below(101)));
    } else {
        world.engine().set_wmark_scale_factor(*memcg,
                                              static_cast<std::uint32_t>(1 + world.below(1000)));
    }
}

void set_swappiness(World& world) {
    if (const Cgroup* group = world.pick_group(); group != nullptr && group->memcg != nullptr) {
        world.engine().set_swappiness(*group->memcg,
                                      world.below(world.engine().profile().swappiness_max + 1));
    }
}

void set_oom_group(World& world) {
    if (Memcg* memcg = some_limited(world); memcg != nullptr) {
        memcg->oom_group = world.one_in(2);
    }
}

void set_oom_kill_disable(World& world) {
    Memcg* memcg = some_limited(world);
    if (memcg != nullptr &&
        world.engine().memory_hierarchy().version == engine::CgroupVersion::kV1) {
        world.engine().set_oom_kill_disable(*memcg, world.one_in(2));
    }
}

void set_move_charge(World& world) {
    if (const Cgroup* group = world.pick_group();
        group != nullptr && group->memcg != nullptr && !group->is_v2()) {
        group->memcg->move_charge_at_immigrate = world.below(4);
    }
}

void set_oom_priority(World& world) {
    Memcg* memcg = some_limited(world);
    if (memcg != nullptr && world.engine().profile().vendor == Vendor::kAlibaba) {
        memcg->oom_priority = static_cast<std::uint32_t>(world.below(13));
        memcg->use_priority_oom = world.one_in(2);
    }
}

void reclaim(World& world) {
    if (const Cgroup* group = world.pick_group(); group != nullptr && group->memcg != nullptr) {
        std::optional<std::uint64_t> swappiness;
        if (world.engine().profile().proactive_swappiness && world.one_in(3)) {
            swappiness = world.below(201);
        }
        world.start(world.engine().reclaim_pages(
            *group->memcg, Pages{world.below(2 * world.swarm().scale)}, swappiness));
    }
}

void force_empty(World& world) {
    const Cgroup* group = world.pick_group();
    if (group != nullptr && group->memcg != nullptr && !group->is_v2()) {
        world.start(world.engine().force_empty(*group->memcg));
    }
}

/// As the file's write: only where nobody is below.
void set_use_hierarchy(World& world) {
    const Cgroup* group = world.pick_group();
    if (group != nullptr && group->memcg != nullptr && !group->is_v2() &&
        !world.engine().profile().use_hierarchy_fixed && group->children.empty() &&
        (group->memcg->is_root() || !group->memcg->parent()->use_hierarchy)) {
        group->memcg->use_hierarchy = world.one_in(2);
    }
}

void reset_peaks(World& world) {
    if (Memcg* memcg = some_limited(world); memcg != nullptr) {
        memcg->memory.reset_watermark();
        memcg->memory.reset_failcnt();
    }
}

constexpr std::array kActions{
    Action{"set_limit", 8, set_limit},
    Action{"set_high", 4, set_high},
    Action{"set_swap_limits", 2, set_swap_limits},
    Action{"set_zswap", 2, set_zswap},
    Action{"set_protection", 3, set_protection},
    Action{"set_soft_limit", 1, set_soft_limit},
    Action{"set_wmark", 2, set_wmark},
    Action{"set_swappiness", 1, set_swappiness},
    Action{"set_oom_group", 1, set_oom_group},
    Action{"set_oom_kill_disable", 2, set_oom_kill_disable},
    Action{"set_move_charge", 1, set_move_charge},
    Action{"set_oom_priority", 1, set_oom_priority},
    Action{"reclaim", 4, reclaim},
    Action{"force_empty", 2, force_empty},
    Action{"reset_peaks", 1, reset_peaks},
    Action{"set_use_hierarchy", 2, set_use_hierarchy},
};

}  // namespace

std::span<const Action> knob_actions() { return kActions; }

}  // namespace memcgfs::test
