// SPDX-License-Identifier: MIT
#include "engine/reclaim.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/io_queue.h"
#include "engine/pages.h"
#include "engine/shrinker.h"
#include "engine/soft_limit.h"
#include "engine/stat_flush.h"
#include "engine/vmpressure.h"
#include "engine/workingset.h"

namespace memcgfs::engine {

namespace {

constexpr std::array kEvictable{LruList::kInactiveAnon, LruList::kActiveAnon,
                                LruList::kInactiveFile, LruList::kActiveFile};
constexpr std::size_t kInactiveAnon = 0;
constexpr std::size_t kActiveAnon = 1;
constexpr std::size_t kInactiveFile = 2;
constexpr std::size_t kActiveFile = 3;
using Targets = std::array<std::uint64_t, kEvictable.size()>;

enum class Balance : std::uint8_t { kEqual, kFileOnly, kAnonOnly, kFraction };

constexpr bool is_file_index(std::size_t list) { return list >= kInactiveFile; }

/// The background worker's second reason to end: usage is below wmark_low (alibaba 3.6).
bool below_wmark_low(const ScanControl& control) {
    const Memcg& root = control.request.root;
    return control.request.background && !control.request.global &&
           root.memory.usage() < root.wmark.levels.low;
}

/// mem_cgroup_swappiness of the group whose lists are scanned.
std::uint64_t swappiness_of(const Engine::State& state, const ScanControl& control,
                            const Memcg& memcg) {
    const bool own = state.memory_on_v1() && !memcg.is_root();
    return control.request.swappiness.value_or(own ? memcg.swappiness : state.vm_swappiness);
}

Balance balance_of(const Engine::State& state, const ScanControl& control, const Memcg& memcg,
                   std::uint64_t swappiness) {
    if (!control.request.may_swap || reachable_swap(state, memcg) < state.profile().least_swap ||
        (!control.request.global && swappiness == 0)) {
        return Balance::kFileOnly;
    }
    if (control.priority == 0 && swappiness != 0) {
        return Balance::kEqual;
    }
    if (control.file_scarce) {
        return Balance::kAnonOnly;
    }
    return control.trim_only ? Balance::kFileOnly : Balance::kFraction;
}

/// How much of a list protection lets be scanned (proportional, spec 3.3).
std::uint64_t unprotected(ScanControl& control, const Memcg& memcg, std::uint64_t size) {
    const PageCounter& counter = memcg.memory;
    if (&memcg == &control.request.root || (counter.emin == Pages{0} && counter.elow == Pages{0})) {
        return size;
    }
    Pages protection = counter.emin;
    if (!control.override_low && counter.elow > counter.emin) {
        protection = counter.elow;
        control.passed_low = true;
    }
    const std::uint64_t usage = std::max(counter.usage(), protection).count();
    const std::uint64_t scan = size - size * protection.count() / (usage + 1);
    return std::max(scan, kSwapClusterMax.count());
}

/// get_scan_count: how many pages of each list to look at in this visit.
Targets scan_targets(const Engine::State& state, ScanControl& control, const Memcg& memcg) {
    const std::uint64_t swappiness = swappiness_of(state, control, memcg);
    const Balance balance = balance_of(state, control, memcg, swappiness);
    const Lruvec& costs = control.request.root.lruvec(control.node);
    const std::uint64_t total_cost = costs.anon_cost + costs.file_cost;
    const std::uint64_t anon_cost = total_cost + costs.anon_cost;
    const std::uint64_t file_cost = total_cost + costs.file_cost;
    const std::uint64_t sum = anon_cost + file_cost;
    const std::uint64_t anon_weight = swappiness * (sum + 1) / (anon_cost + 1);
    const std::uint64_t file_weight = (200 - swappiness) * (sum + 1) / (file_cost + 1);

    Targets targets{};
    for (std::size_t list = 0; list < kEvictable.size(); list++) {
        const std::uint64_t size = memcg.lruvec(control.node).size(kEvictable[list]).count();
        std::uint64_t scan = unprotected(control, memcg, size) >> control.priority;
        if (scan == 0 && !memcg.online) {
            scan = std::min(size, kSwapClusterMax.count());
        }
        const bool file = is_file_index(list);
        if ((balance == Balance::kFileOnly && !file) || (balance == Balance::kAnonOnly && file)) {
            scan = 0;
        } else if (balance == Balance::kFraction) {
            const std::uint64_t weight = file ? file_weight : anon_weight;
            const std::uint64_t all = anon_weight + file_weight;
            scan = memcg.online ? scan * weight / all : (scan * weight + all - 1) / all;
        }
        targets[list] = scan;
    }
    return targets;
}

/// Once the target is met: the kind with less left stops, the other goes on to the same share.
void scale_down(Targets& left, const Targets& original) {
    const std::uint64_t file_left = left[kInactiveFile] + left[kActiveFile];
    const std::uint64_t anon_left = left[kInactiveAnon] + left[kActiveAnon];
    const bool file_smaller = file_left <= anon_left;
    const std::size_t small = file_smaller ? kInactiveFile : kInactiveAnon;
    const std::size_t large = file_smaller ? kInactiveAnon : kInactiveFile;
    const std::uint64_t original_small = original[small] + original[small + 1] + 1;
    const std::uint64_t percent = std::min(file_left, anon_left) * 100 / original_small;
    left[small] = 0;
    left[small + 1] = 0;
    for (std::size_t list = large; list < large + 2; list++) {
        const std::uint64_t done = original[list] - left[list];
        const std::uint64_t share = original[list] * (100 - percent) / 100;
        left[list] = share > done ? share - done : 0;
    }
}

}  // namespace

Coro<Pages> shrink_lruvec(Engine::State& state, OpContext& op, ScanControl& control, Memcg& memcg) {
    settle_io(state, time_of(op));  // what has been written is at the tail of the inactive list
    Targets left = scan_targets(state, control, memcg);
    const Targets original = left;
    Pages freed{};
    // A task short of memory does not stop half-way as long as it is cheap to go on.
    bool scaled =
        control.request.global && !control.request.background && control.priority == kDefPriority;
    op.plugged = true;
    while (left[kInactiveAnon] != 0 || left[kActiveFile] != 0 || left[kInactiveFile] != 0) {
        for (std::size_t list = 0; list < kEvictable.size(); list++) {
            const std::uint64_t pages = std::min(left[list], kSwapClusterMax.count());
            if (pages == 0) {
                continue;
            }
            left[list] -= pages;
            freed += shrink_list(state, op, control, memcg, kEvictable[list], Pages{pages});
            co_await op.pause_point();
        }
        if (freed < control.target || scaled) {
            continue;
        }
        if (left[kInactiveFile] + left[kActiveFile] == 0 ||
            left[kInactiveAnon] + left[kActiveAnon] == 0) {
            break;
        }
        scale_down(left, original);
        scaled = true;
    }
    op.plugged = false;
    unplug_swap(state, time_of(op));
    if (state.swap_total() > Pages{0} &&
        inactive_is_low(state, memcg, control.node, LruList::kInactiveAnon)) {
        shrink_active_list(state, op, control, memcg, LruList::kActiveAnon, kSwapClusterMax);
    }
    co_return freed;
}

namespace {

/// mem_cgroup_calculate_protection for one group of a walk (spec 1.4).
void calculate_protection(const Engine::State& state, const Memcg& root, Memcg& memcg) {
    PageCounter& counter = memcg.memory;
    if (memcg.is_root() || &memcg == &root || counter.usage() == Pages{0}) {
        return;
    }
    const PageCounter& parent = memcg.parent()->memory;
    if (memcg.parent() == &root) {
        counter.emin = counter.min();
        counter.elow = counter.low();
        return;
    }
    const auto effective = [&](Pages setting, Pages parent_effective, Pages siblings) {
        const Pages usage = counter.usage();
        const Pages own = std::min(usage, setting);
        if (siblings > parent_effective) {
            return Pages{own.count() * parent_effective.count() / siblings.count()};
        }
        Pages result = own;
        if (state.recursive_protection() && parent_effective > siblings &&
            parent.usage() > siblings && usage > own) {
            const std::uint64_t unclaimed = (parent_effective - siblings).count();
            result +=
                Pages{unclaimed * (usage - own).count() / (parent.usage() - siblings).count()};
        }
        return result;
    };
    counter.emin = effective(counter.min(), parent.emin, parent.children_min_usage());
    counter.elow = effective(counter.low(), parent.elow, parent.children_low_usage());
}

/// True if the group is left out of this pass; counts memory.low's override.
bool skip_protected(Engine::State& state, ScanControl& control, Memcg& memcg) {
    if (memcg.is_root()) {
        return false;
    }
    calculate_protection(state, control.request.root, memcg);
    const PageCounter& counter = memcg.memory;
    if (&memcg == &control.request.root && !state.profile().reclaim_root_keeps_protection) {
        return false;
    }
    if (counter.emin >= counter.usage()) {
        return true;
    }
    if (counter.elow >= counter.usage()) {
        if (!control.override_low) {
            control.passed_low = true;
            return true;
        }
        state.event(memcg, MemcgEvent::kLow);
    }
    return false;
}

/// Where a walk of a subtree stands (mem_cgroup_iter with a reclaim cookie).
class TreeWalk {
public:
    TreeWalk(Engine::State& state, Memcg& root, NodeId node, bool shared)
        : state_(state),
          root_(root),
          cursor_(root.lruvec(node)),
          shared_(shared),
          generation_(cursor_.walk_generation) {}

    /// The next group to visit, or nullptr.
    Memcg* next(Memcg* previous) {
        if (!shared_) {
            return previous == nullptr ? &root_ : next_in_subtree(root_, *previous);
        }
        if (previous != nullptr && generation_ != cursor_.walk_generation) {
            return nullptr;
        }
        Memcg* group = advance();
        if (group == nullptr && previous == nullptr) {
            generation_ = cursor_.walk_generation;
            group = advance();
        }
        return group;
    }

private:
    Memcg* advance() {
        const Memcg* position = state_.memcgs.find(cursor_.walk_position);
        Memcg* group = position == nullptr ? &root_ : next_in_subtree(root_, *position);
        cursor_.walk_position = group != nullptr ? group->id() : MemcgId{};
        if (group == nullptr) {
            cursor_.walk_generation++;
        }
        return group;
    }

    Engine::State& state_;
    Memcg& root_;
    Lruvec& cursor_;
    bool shared_;
    std::uint64_t generation_;
};

/// What the node's state permits in this visit (prepare_scan_count).
void prepare_scan(Engine::State& state, ScanControl& control) {
    flush_for_reclaim(state);
    const Memcg& root = control.request.root;
    const auto on_node = [&](StatItem item) {
        return static_cast<std::uint64_t>(root.node_stat_total(control.node, item));
    };
    const auto may_deactivate = [&](LruList inactive) {
        return control.force_deactivate || inactive_is_low(state, root, control.node, inactive) ||
               workingset_changes(state, root, control.node, inactive == LruList::kInactiveFile);
    };
    control.may_deactivate_anon = may_deactivate(LruList::kInactiveAnon);
    control.may_deactivate_file = may_deactivate(LruList::kInactiveFile);
    const auto trimmable = static_cast<std::uint64_t>(
        lruvec_page_state(state, root, control.node, StatItem::kInactiveFile));
    control.trim_only =
        !control.no_trim && (trimmable >> control.priority) > 0 && !control.may_deactivate_file;
    if (control.request.global) {
        // The node's own counters, which nobody needs to flush.
        Pages rest{on_node(StatItem::kInactiveFile) + on_node(StatItem::kActiveFile)};
        Pages high{};
        for (const Zone& zone : state.nodes[control.node].zones) {
            rest += zone.free;
            high += zone.managed > Pages{0} ? zone.marks.high : Pages{0};
        }
        control.file_scarce = rest <= high && !control.may_deactivate_anon &&
                              (on_node(StatItem::kInactiveAnon) >> control.priority) > 0;
    }
}

/// How many groups a walk visits before others get a turn.
constexpr unsigned kGroupsPerStep = 64;

}  // namespace

Coro<void> shrink_node(Engine::State& state, OpContext& op, ScanControl& control) {
    Memcg& root = control.request.root;
    const Pages before = control.freed;
    control.dirty = Pages{0};
    control.congested = Pages{0};
    const Pages scanned_before = control.scanned;
    prepare_scan(state, control);
    const bool partial =
        state.profile().shared_reclaim_cursor && !control.whole_tree && !control.request.background;
    TreeWalk walk(state, root, control.node, partial);
    MemcgPin pin(root);
    unsigned visited = 0;
    for (Memcg* memcg = walk.next(nullptr); memcg != nullptr; memcg = walk.next(memcg)) {
        pin.reset(*memcg);
        if (!skip_protected(state, control, *memcg)) {
            if (!memcg->lruvec(control.node).empty()) {
                control.freed += co_await shrink_lruvec(state, op, control, *memcg);
            }
            if (has_shrinkable(state, *memcg)) {
                co_await shrink_slab(state, op, control, *memcg);
            }
        }
        if (++visited % kGroupsPerStep == 0) {
            co_await op.pause_point();
        }
        if (below_wmark_low(control) || (partial && control.freed >= control.target)) {
            break;
        }
    }
    if (control.freed > before) {
        state.nodes[control.node].kswapd.failures = 0;
    } else if (control.trim_only) {
        control.trim_failed = true;
    }
    if (!control.request.proactive) {
        vmpressure(state, root, control.scanned - scanned_before, control.freed - before);
    }
    if (control.congested > Pages{0} && control.congested == control.dirty &&
        control.freed == before && !control.request.background) {
        // Everything is being written already (VMSCAN_THROTTLE_CONGESTED).
        op.spend(from_millis(1000 / state.profile().ticks_per_second));
    }
}

namespace {

/// Every node, nearest first (shrink_zones).
Coro<void> shrink_nodes(Engine::State& state, OpContext& op, ScanControl& control) {
    const NodePreference nodes = control.request.nodes;
    for (std::size_t distance = 0; distance < state.nodes.size(); distance++) {
        control.node = node_at_distance(state, nodes.first, distance);
        if ((nodes.allowed >> control.node & 1U) == 0) {
            continue;
        }
        if (control.request.global) {
            control.freed += co_await mem_cgroup_soft_limit_reclaim(state, op, control.node);
        }
        co_await shrink_node(state, op, control);
    }
}

/// Priorities 12 to 0 (do_try_to_free_pages' inner loop).
Coro<void> shrink_all_priorities(Engine::State& state, OpContext& op, ScanControl& control) {
    for (unsigned step = 0; step <= kDefPriority; step++) {
        control.priority = kDefPriority - step;
        if (below_wmark_low(control)) {
            co_return;
        }
        if (!control.request.proactive) {
            vmpressure_prio(state, control.request.root, control.priority);
        }
        co_await shrink_nodes(state, op, control);
        if (control.freed >= control.target) {
            co_return;
        }
    }
}

/// Each page that a task, not a kernel thread, wrote to swap took the device's time.
void note_swapout(const Engine::State& state, ScanControl& control) {
    const Pages written = std::exchange(control.written, Pages{0});
    if (control.request.background || control.request.global || written == Pages{0}) {
        return;
    }
    for (Memcg* level = &control.request.root; level != nullptr; level = level->parent()) {
        level->direct_swapout_latency.add(state.machine().costs.swap_out, written.count());
    }
}

/// Nothing could be freed: what is being written may soon be (VMSCAN_THROTTLE_NOPROGRESS).
void await_some_write(const Engine::State& state, OpContext& op) {
    const Nanos now = time_of(op);
    const Nanos tick = from_millis(1000 / state.profile().ticks_per_second);
    op.spend(std::min(next_write_end(state, now) - now, tick));
}

}  // namespace

void note_direct_reclaim(Memcg& memcg, Nanos length) {
    for (Memcg* level = &memcg; level != nullptr; level = level->parent()) {
        level->direct_reclaim_latency.add(length);
    }
}

Coro<Pages> try_to_free_mem_cgroup_pages(Engine::State& state, OpContext& op,
                                         ReclaimRequest request) {
    const MemcgPin pin(request.root);
    ScanControl control(request);
    control.target = std::max(request.pages, kSwapClusterMax);
    if (!request.global) {
        control.request.nodes.first = state.local_node(op.cpu);
    }
    for (;;) {
        co_await shrink_all_priorities(state, op, control);
        for (std::size_t node = 0; node < state.nodes.size(); node++) {
            snapshot_workingset(state, request.root, static_cast<NodeId>(node));
        }
        note_swapout(state, control);
        state.trace(TraceEvent::Kind::kReclaim, request.root, control.scanned.count(),
                    control.freed.count());
        if (control.freed > Pages{0} || below_wmark_low(control)) {
            co_return control.freed;
        }
        await_some_write(state, op);
        if (state.profile().shared_reclaim_cursor && !control.whole_tree) {
            control.whole_tree = true;
        } else if (control.skipped_deactivate) {
            control.force_deactivate = true;
            control.skipped_deactivate = false;
        } else if (control.passed_low && !request.background) {
            control.force_deactivate = false;
            control.override_low = true;
            control.passed_low = false;
        } else {
            co_return Pages{0};
        }
    }
}

Coro<Pages> try_to_free_pages(Engine::State& state, OpContext& op, NodePreference nodes) {
    ReclaimRequest request{.root = *state.root_memcg};
    request.global = true;
    request.nodes = nodes;
    return try_to_free_mem_cgroup_pages(state, op, request);
}

}  // namespace memcgfs::engine
