// SPDX-License-Identifier: MIT
#include "engine/slab.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "engine/charge.h"
#include "engine/members.h"
#include "engine/pages.h"
#include "engine/throttle.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

struct ObjectType {
    std::uint64_t bytes;  ///< with the pointer to the group that pays
    StatItem item;
    Errno no_memory;
};
constexpr std::array<ObjectType, kSlabKinds> kTypes{{
    {192 + 8, StatItem::kSlabReclaimable, Errno::kENOMEM},
    {256 + 8 + 80 + 8, StatItem::kSlabUnreclaimable, Errno::kEAGAIN},  // with its signal's entry
}};

constexpr std::size_t index_of(SlabKind kind) { return static_cast<std::size_t>(kind); }
constexpr const ObjectType& type_of(SlabKind kind) { return kTypes[index_of(kind)]; }

SlabGroup& group_of(Engine::State& state, const Memcg& memcg) {
    SlabGroup& group = state.slab.groups[memcg.id().value];
    group.objects.resize(state.nodes.size());
    return group;
}

/// Kernel memory of one group, in its own numbers alone.
void count_charged(Engine::State& state, Memcg& memcg, std::int64_t pages) {
    group_of(state, memcg).charged += Pages{static_cast<std::uint64_t>(pages)};
    memcg.add_stat(StatItem::kKernel, pages);
    if (!state.memory_on_v1()) {
        return;
    }
    if (pages > 0) {
        memcg.kmem().charge(Pages{static_cast<std::uint64_t>(pages)});
    } else {
        memcg.kmem().uncharge(Pages{static_cast<std::uint64_t>(-pages)});
    }
}

/// Whole pages go to the CPU's stock of pages (obj_cgroup_uncharge_pages).
void uncharge_pages(Engine::State& state, std::uint32_t cpu, Memcg& memcg, Pages pages) {
    count_charged(state, memcg, -as_delta(pages));
    if (!memcg.is_root()) {
        refill_stock(state, cpu, memcg, pages);
    }
}

void drain_slab_stock(Engine::State& state, std::uint32_t cpu) {
    const SlabStock stock = std::exchange(state.slab.stocks[cpu], {});
    if (stock.owner == nullptr) {
        return;
    }
    if (const Pages pages{stock.bytes / kPageSize}; pages > Pages{0}) {
        uncharge_pages(state, cpu, *stock.owner, pages);
    }
    group_of(state, *stock.owner).rest += stock.bytes % kPageSize;
}

enum class Excess : std::uint8_t { kKeep, kGiveBack };

void refill_slab_stock(Engine::State& state, std::uint32_t cpu, Memcg& memcg, std::uint64_t bytes,
                       Excess excess) {
    SlabStock& stock = state.slab.stocks[cpu];
    if (stock.owner != &memcg) {
        drain_slab_stock(state, cpu);
        stock = {&memcg, std::exchange(group_of(state, memcg).rest, 0)};
        excess = Excess::kGiveBack;
    }
    stock.bytes += bytes;
    if (excess == Excess::kGiveBack && stock.bytes > kPageSize) {
        const Pages pages{(stock.bytes - 1) / kPageSize};
        stock.bytes -= pages.count() * kPageSize;
        uncharge_pages(state, cpu, memcg, pages);
    }
}

/// Objects that are paid for come to the group, or leave it.
void count_objects(Engine::State& state, Memcg& memcg, SlabKind kind, NodeId node,
                   std::int64_t objects) {
    const std::int64_t bytes = objects * static_cast<std::int64_t>(type_of(kind).bytes);
    SlabGroup& group = group_of(state, memcg);
    group.objects[node][index_of(kind)] += static_cast<std::uint64_t>(objects);
    group.used += static_cast<std::uint64_t>(bytes);
    memcg.add_node_stat(node, type_of(kind).item, bytes);
}

/// With the last object of removed groups goes what they have paid for it (obj_cgroup_release).
void end_reparented(Engine::State& state, Memcg& root) {
    SlabGroup& group = group_of(state, root);
    if (group.used > 0) {
        return;
    }
    for (std::uint32_t cpu = 0; cpu < state.slab.stocks.size(); cpu++) {
        if (state.slab.stocks[cpu].owner == &root) {
            drain_slab_stock(state, cpu);
        }
    }
    group.rest = 0;
    count_charged(state, root, -as_delta(group.charged));
    state.slab.groups.erase(root.id().value);
}

void free_objects(Engine::State& state, Memcg& memcg, SlabKind kind, NodeId node,
                  std::uint64_t objects) {
    count_objects(state, memcg, kind, node, -static_cast<std::int64_t>(objects));
    refill_slab_stock(state, state.current_cpu, memcg, objects * type_of(kind).bytes,
                      Excess::kGiveBack);
    if (memcg.is_root()) {
        end_reparented(state, memcg);
    }
}

void note_timers(Engine::State& state, TaskId task, const Memcg& memcg, NodeId node,
                 std::uint64_t objects) {
    std::vector<TaskSlab>& runs = state.slab.tasks[task.value];
    if (runs.empty() || runs.back().memcg != memcg.id() || runs.back().node != node) {
        runs.push_back({memcg.id(), node, 0});
    }
    runs.back().timers += objects;
}

void give_objects(Engine::State& state, const OpContext& op, Memcg& memcg, SlabKind kind,
                  std::uint64_t objects) {
    const NodeId node = state.local_node(op.cpu);
    count_objects(state, memcg, kind, node, static_cast<std::int64_t>(objects));
    if (kind == SlabKind::kTimer) {
        note_timers(state, op.task, memcg, node, objects);
    }
}

/// As many objects as the stock pays for.
std::uint64_t take_from_stock(Engine::State& state, const OpContext& op, Memcg& memcg,
                              SlabKind kind, std::uint64_t most) {
    SlabStock& stock = state.slab.stocks[op.cpu];
    if (stock.owner != &memcg) {
        return 0;
    }
    const std::uint64_t objects = std::min(most, stock.bytes / type_of(kind).bytes);
    stock.bytes -= objects * type_of(kind).bytes;
    return objects;
}

}  // namespace

Coro<OperationResult> allocate_slab(Engine::State& state, OpContext& op, SlabKind kind,
                                    std::uint64_t objects) {
    for (std::uint64_t left = objects; left > 0;) {
        const Task* task = state.tasks.find(op.task);
        if (task == nullptr || task->dying || op.signal_pending) {
            co_return Err(Errno::kEINTR);
        }
        Memcg& memcg = charged_memcg(state, *task);
        if (memcg.is_root()) {
            co_return objects;  // nobody pays there, and nobody counts
        }
        const std::uint64_t taken = take_from_stock(state, op, memcg, kind, left);
        if (taken > 0) {
            give_objects(state, op, memcg, kind, taken);
            left -= taken;
            continue;
        }
        const MemcgPin pin(memcg);
        const Result<void> charged = co_await try_charge(state, op, {.memcg = memcg});
        if (!charged.ok()) {
            co_return Err(type_of(kind).no_memory);
        }
        if (!memcg.online || state.tasks.find(op.task) == nullptr) {
            cancel_charge(state, memcg, Pages{1});  // that took too long: one of them has gone
            co_return Err(Errno::kEINTR);
        }
        count_charged(state, memcg, 1);
        refill_slab_stock(state, op.cpu, memcg, kPageSize - type_of(kind).bytes, Excess::kKeep);
        give_objects(state, op, memcg, kind, 1);
        left--;
        if (is_over_high(state, op)) {
            co_await handle_over_high(state, op);
        }
        co_await op.pause_point();
    }
    co_return objects;
}

void free_task_slab(Engine::State& state, TaskId task) {
    const auto found = state.slab.tasks.find(task.value);
    if (found == state.slab.tasks.end()) {
        return;
    }
    for (const TaskSlab& run : found->second) {
        free_objects(state, *state.memcgs.find(run.memcg), SlabKind::kTimer, run.node, run.timers);
    }
    state.slab.tasks.erase(found);
}

std::uint64_t count_dentries(const Engine::State& state, const Memcg& memcg, NodeId node) {
    const auto group = state.slab.groups.find(memcg.id().value);
    return group != state.slab.groups.end()
               ? group->second.objects[node][index_of(SlabKind::kDentry)]
               : 0;
}

void prune_dentries(Engine::State& state, Memcg& memcg, NodeId node, std::uint64_t most) {
    const std::uint64_t objects = std::min(most, count_dentries(state, memcg, node));
    if (objects > 0) {
        free_objects(state, memcg, SlabKind::kDentry, node, objects);
    }
}

void drain_slab_stocks(Engine::State& state, const Memcg& root) {
    for (std::uint32_t cpu = 0; cpu < state.slab.stocks.size(); cpu++) {
        const Memcg* owner = state.slab.stocks[cpu].owner;
        if (owner != nullptr && owner->is_descendant_of(root)) {
            drain_slab_stock(state, cpu);
        }
    }
}

void reparent_slab(Engine::State& state, Memcg& memcg) {
    drain_slab_stocks(state, memcg);
    const auto found = state.slab.groups.find(memcg.id().value);
    if (found == state.slab.groups.end()) {
        return;
    }
    Memcg& parent = online_memcg(memcg);
    const SlabGroup group = found->second;
    for (std::size_t node = 0; node < group.objects.size(); node++) {
        for (const SlabKind kind : {SlabKind::kDentry, SlabKind::kTimer}) {
            const auto objects = static_cast<std::int64_t>(group.objects[node][index_of(kind)]);
            count_objects(state, memcg, kind, static_cast<NodeId>(node), -objects);
            count_objects(state, parent, kind, static_cast<NodeId>(node), objects);
        }
    }
    count_charged(state, memcg, -as_delta(group.charged));
    count_charged(state, parent, as_delta(group.charged));
    group_of(state, parent).rest += group.rest;
    const Pages memsw = state.memory_on_v1() ? group.charged : Pages{0};
    memcg.memory.uncharge(group.charged);
    memcg.memsw.uncharge(memsw);
    if (!parent.is_root()) {
        parent.memory.charge(group.charged);
        parent.memsw.charge(memsw);
    }
    for (auto& [task, runs] : state.slab.tasks) {
        for (TaskSlab& run : runs) {
            run.memcg = run.memcg == memcg.id() ? parent.id() : run.memcg;
        }
    }
    state.slab.groups.erase(memcg.id().value);
    if (parent.is_root()) {
        end_reparented(state, parent);  // a last page can be paid for without an object on it
    }
}

void check_slab(const Engine::State& state) {
    std::map<std::uint64_t, std::uint64_t> stocked;
    for (const SlabStock& stock : state.slab.stocks) {
        if (stock.owner != nullptr) {
            stocked[stock.owner->id().value] += stock.bytes;
        }
    }
    for (const auto& [id, group] : state.slab.groups) {
        std::uint64_t used = 0;
        for (const auto& objects : group.objects) {
            for (std::size_t kind = 0; kind < kSlabKinds; kind++) {
                used += objects[kind] * kTypes[kind].bytes;
            }
        }
        MEMCGFS_ASSERT(group.used == used);
        MEMCGFS_ASSERT(group.charged.count() * kPageSize == used + group.rest + stocked[id]);
        stocked.erase(id);
    }
    MEMCGFS_ASSERT(stocked.empty());
    for (const auto& [task, runs] : state.slab.tasks) {
        for (const TaskSlab& run : runs) {
            MEMCGFS_ASSERT(state.memcgs.find(run.memcg) != nullptr);
        }
    }
}

}  // namespace memcgfs::engine
