// SPDX-License-Identifier: MIT
#include "engine/kswapd.h"

#include <algorithm>

#include "engine/psi.h"
#include "engine/reclaim.h"
#include "engine/soft_limit.h"
#include "engine/workingset.h"

namespace memcgfs::engine {

namespace {

constexpr unsigned kMaxReclaimRetries = 16;
/// HZ/10: how long kswapd waits before it believes that the node stays balanced.
constexpr Nanos kNap = from_millis(100);

/// age_active_anon: keeps inactive anonymous pages coming.
void age_active_anon(Engine::State& state, OpContext& op, const ScanControl& control) {
    Memcg& root = *state.root_memcg;
    if (state.swap_total() == Pages{0} ||
        !inactive_is_low(state, root, control.node, LruList::kInactiveAnon)) {
        return;
    }
    for (Memcg* memcg = &root; memcg != nullptr; memcg = next_in_subtree(root, *memcg)) {
        shrink_active_list(state, op, control, *memcg, LruList::kActiveAnon, kSwapClusterMax);
    }
}

Pages balance_target(const Node& node) {
    Pages target{};
    for (const Zone& zone : node.zones) {
        if (zone.managed > Pages{0}) {
            target += std::max(zone.marks.high, kSwapClusterMax);
        }
    }
    return target;
}

/// One way down the priorities; returns what was freed.
Coro<Pages> balance_once(Engine::State& state, OpContext& op, NodeId node, ScanControl& control) {
    control.priority = kDefPriority;
    Pages freed{};
    while (control.priority >= 1 && !node_balanced(state, node)) {
        age_active_anon(state, op, control);
        const Pages soft = co_await mem_cgroup_soft_limit_reclaim(state, op, node);
        control.target = balance_target(state.nodes[node]);
        control.scanned = Pages{0};
        control.freed = Pages{0};
        co_await shrink_node(state, op, control);
        control.freed += soft;
        freed += control.freed;
        if (control.scanned < control.target || control.freed == Pages{0}) {
            control.priority--;
        }
        co_await op.pause_point();
    }
    co_return freed;
}

Coro<void> balance_node(Engine::State& state, OpContext& op, NodeId node) {
    state.count(VmEvent::kPageoutrun, 1);
    ReclaimRequest request{.root = *state.root_memcg};
    request.global = true;
    request.background = true;
    ScanControl control(request);
    control.node = node;
    const PsiMemoryStall stall(state, op);
    Pages freed = co_await balance_once(state, op, node, control);
    if (freed == Pages{0} && control.trim_failed && state.profile().kswapd_repeats_untrimmed &&
        !node_balanced(state, node)) {
        control.no_trim = true;
        freed = co_await balance_once(state, op, node, control);
    }
    snapshot_workingset(state, *state.root_memcg, node);
    state.trace(TraceEvent::Kind::kKswapd, *state.root_memcg, node, freed.count());
    if (freed == Pages{0} && !node_balanced(state, node)) {
        state.nodes[node].kswapd.failures++;
    }
}

bool may_sleep(const Engine::State& state, NodeId node) {
    return state.nodes[node].kswapd.failures >= kMaxReclaimRetries || node_balanced(state, node);
}

Coro<OperationResult> kswapd(Engine::State& state, OpContext& op, NodeId node) {
    op.reclaimer = true;
    for (;;) {
        co_await balance_node(state, op, node);
        bool disturbed = false;
        if (may_sleep(state, node)) {
            const Nanos until = op.clock->now() + kNap;
            state.nodes[node].kswapd.operation = op.id;
            co_await pause({Step::Kind::kSleep, until});
            state.nodes[node].kswapd.operation = {};
            disturbed = op.clock->now() < until;
        }
        if (!disturbed && may_sleep(state, node)) {
            break;
        }
        state.count(
            disturbed ? VmEvent::kKswapdLowWmarkHitQuickly : VmEvent::kKswapdHighWmarkHitQuickly,
            1);
        co_await op.pause_point();
    }
    state.nodes[node].kswapd.running = false;
    co_return std::uint64_t{0};
}

}  // namespace

bool node_balanced(const Engine::State& state, NodeId node) {
    bool managed = false;
    for (const Zone& zone : state.nodes[node].zones) {
        managed = managed || zone.managed > Pages{0};
        if (zone.managed > Pages{0} && zone.above(zone.marks.high) > Pages{0}) {
            return true;
        }
    }
    return !managed;
}

void wake_all_kswapds(Engine::State& state, NodePreference nodes) {
    for (std::size_t index = 0; index < state.nodes.size(); index++) {
        const auto node = static_cast<NodeId>(index);
        Kswapd& thread = state.nodes[index].kswapd;
        if ((nodes.allowed >> node & 1U) == 0 || may_sleep(state, node)) {
            continue;
        }
        if (!thread.running) {
            thread.running = true;
            state.emit(SpawnEffect{state.make_operation(
                "kswapd", [&state, node](OpContext& op) { return kswapd(state, op, node); })});
        } else if (thread.operation != OperationId{}) {
            state.emit(WakeEffect{thread.operation});
        }
    }
}

}  // namespace memcgfs::engine
