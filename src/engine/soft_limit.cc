// SPDX-License-Identifier: MIT
#include "engine/soft_limit.h"

#include "engine/reclaim.h"

namespace memcgfs::engine {

namespace {

constexpr unsigned kMaxReclaimLoops = 100;
constexpr unsigned kMaxSoftLimitLoops = 2;

Pages soft_limit_excess(const Memcg& memcg) {
    const Pages usage = memcg.memory.usage();
    return usage > memcg.soft_limit ? usage - memcg.soft_limit : Pages{0};
}

void set_excess(Engine::State& state, Memcg& memcg, NodeId node, Pages excess) {
    auto& tree = state.nodes[node].soft_limit_tree;
    Lruvec& lruvec = memcg.lruvec(node);
    if (lruvec.soft_excess > Pages{0}) {
        tree.erase({lruvec.soft_excess, memcg.id()});
    }
    lruvec.soft_excess = excess;
    if (excess > Pages{0}) {
        tree.insert({excess, memcg.id()});
    }
}

/// Takes the group with the largest excess out of the tree; nullptr: there is none.
Memcg* take_largest(Engine::State& state, NodeId node) {
    auto& tree = state.nodes[node].soft_limit_tree;
    while (!tree.empty()) {
        Memcg* memcg = state.memcgs.find(tree.rbegin()->second);
        set_excess(state, *memcg, node, Pages{0});
        if (memcg->online && soft_limit_excess(*memcg) > Pages{0}) {
            return memcg;
        }
    }
    return nullptr;
}

/// The group after the one that this node's cursor of `root` stands at; nullptr ends a round.
Memcg* next_victim(Engine::State& state, Memcg& root, NodeId node) {
    Lruvec& cursor = root.lruvec(node);
    const Memcg* position = state.memcgs.find(cursor.walk_position);
    Memcg* next = position == nullptr ? &root : next_in_subtree(root, *position);
    cursor.walk_position = next != nullptr ? next->id() : MemcgId{};
    if (next == nullptr) {
        cursor.walk_generation++;
    }
    return next;
}

/// mem_cgroup_shrink_node: one group's lists, everything at once.
Coro<Pages> shrink_at_once(Engine::State& state, OpContext& op, Memcg& victim, NodeId node) {
    const MemcgPin pin(victim);
    ReclaimRequest request{.root = victim};
    request.background = op.reclaimer;
    ScanControl control(request);
    control.target = kSwapClusterMax;
    control.priority = 0;
    control.node = node;
    co_return co_await shrink_lruvec(state, op, control, victim);
}

/// mem_cgroup_soft_reclaim: rounds over the group's subtree.
Coro<Pages> soft_reclaim(Engine::State& state, OpContext& op, Memcg& root, NodeId node) {
    const Pages excess = soft_limit_excess(root);
    Pages freed{};
    for (unsigned rounds = 0;;) {
        Memcg* victim = next_victim(state, root, node);
        if (victim != nullptr) {
            freed += co_await shrink_at_once(state, op, *victim, node);
            if (soft_limit_excess(root) == Pages{0}) {
                break;
            }
            continue;
        }
        rounds++;
        if (rounds >= 2 &&
            (freed == Pages{0} || freed >= excess / 4 || rounds > kMaxReclaimLoops)) {
            break;
        }
    }
    co_return freed;
}

}  // namespace

void update_soft_limit_tree(Engine::State& state, Memcg& memcg) {
    for (Memcg* level = &memcg; level != nullptr && !level->is_root(); level = level->parent()) {
        const Pages excess = soft_limit_excess(*level);
        for (std::size_t node = 0; node < state.nodes.size(); node++) {
            if (level->lruvec(static_cast<NodeId>(node)).soft_excess != excess) {
                set_excess(state, *level, static_cast<NodeId>(node), excess);
            }
        }
    }
}

Coro<Pages> mem_cgroup_soft_limit_reclaim(Engine::State& state, OpContext& op, NodeId node) {
    Pages freed{};
    MemcgId next{};
    for (unsigned loop = 1; freed == Pages{0}; loop++) {
        Memcg* memcg = next ? state.memcgs.find(next) : take_largest(state, node);
        if (memcg == nullptr) {
            break;
        }
        const MemcgPin pin(*memcg);
        const Pages reclaimed = co_await soft_reclaim(state, op, *memcg, node);
        freed += reclaimed;
        next = {};
        if (reclaimed == Pages{0}) {
            const Memcg* other = take_largest(state, node);
            next = other != nullptr ? other->id() : MemcgId{};
        }
        set_excess(state, *memcg, node, soft_limit_excess(*memcg));
        if (freed == Pages{0} && (!next || loop > kMaxSoftLimitLoops)) {
            break;
        }
    }
    co_return freed;
}

}  // namespace memcgfs::engine
