// SPDX-License-Identifier: MIT
//
// What can be asked of the machine, and the sysctls that change it (mm/page_alloc.c, 6.1).
#include <algorithm>
#include <climits>

#include "engine/footprint.h"
#include "engine/members.h"
#include "engine/numa.h"
#include "engine/zswap.h"

namespace memcgfs::engine {

namespace {

ZoneStat stat_of(const Zone& zone, std::size_t type) {
    return {
        .type = static_cast<ZoneType>(type),
        .managed = zone.managed,
        .free = zone.free,
        .min = zone.marks.min,
        .low = zone.marks.low,
        .high = zone.marks.high,
        .promo = zone.marks.promo,
        .protection = zone.lowmem_reserve,
        .lists = zone.lists,
    };
}

bool valid_mask(NodeMask mask, NodeId nodes) {
    const NodeMask all = nodes >= 64 ? ~NodeMask{0} : (NodeMask{1} << nodes) - 1;
    return mask != 0 && (mask & ~all) == 0;
}

/// How many pages slab takes of which the groups pay for so many bytes.
std::int64_t slab_pages(std::int64_t bytes) {
    constexpr auto kPage = static_cast<std::int64_t>(kPageSize);
    return (bytes + kPage - 1) / kPage;
}

}  // namespace

MachineStat Engine::machine_stat() const {
    const Memcg& root = root_memcg();
    MachineStat stat;
    for (std::size_t node = 0; node < state_->nodes.size(); node++) {
        NodeStat& out = stat.nodes.emplace_back();
        out.numa = state_->nodes[node].numa;
        for (std::size_t type = 0; type < kZoneTypeCount; type++) {
            out.zones[type] = stat_of(state_->nodes[node].zones[type], type);
        }
        for (std::size_t item = 0; item < kNodeStatItemCount; item++) {
            out.items[item] =
                root.node_stat_total(static_cast<NodeId>(node), static_cast<StatItem>(item));
        }
    }
    for (std::size_t item = 0; item < kStatItemCount; item++) {
        stat.items[item] = root.stat_total(static_cast<StatItem>(item));
    }
    for (const StatItem item : {StatItem::kSlabReclaimable, StatItem::kSlabUnreclaimable}) {
        const auto index = static_cast<std::size_t>(item);
        for (NodeStat& node : stat.nodes) {
            node.items[index] = slab_pages(node.items[index]);
        }
        stat.items[index] = slab_pages(stat.items[index]);
    }
    stat.events = state_->vm_events;
    stat.reserve = total_reserve(state_->nodes);
    for (std::size_t i = 0; i < state_->swap_areas.size(); i++) {
        const State::SwapArea& area = state_->swap_areas[i];
        if (area.on || area.used > Pages{0}) {
            stat.swaps.push_back({static_cast<std::uint32_t>(i), area.device, area.used});
        }
        // What is to be brought back counts as room (si_swapinfo).
        stat.swap += area.on ? area.device.pages : area.used;
        stat.swap_used += area.on ? area.used : Pages{0};
    }
    stat.zswap_pool = zswap_pool_pages(*state_);
    stat.zswapped = state_->zswap.stored;
    stat.cpus = machine().cpus;
    stat.min_free_kbytes = state_->vm_knobs.min_free_kbytes;
    stat.watermark_scale_factor = state_->vm_knobs.watermark_scale_factor;
    return stat;
}

void Engine::warn_once(std::string_view line) {
    if (state_->warned.emplace(line).second) {
        state_->log(std::string(line), LogLevel::kWarning);
    }
}

Result<void> Engine::set_mempolicy(TaskId id, MemPolicy policy) {
    Task* task = find(id);
    if (task == nullptr) {
        return Err(Errno::kESRCH);
    }
    if (policy.mode != MemPolicy::Mode::kDefault && !valid_mask(policy.nodes, node_count())) {
        return Err(Errno::kEINVAL);
    }
    task->mempolicy = policy;
    return {};
}

OperationPtr Engine::migrate_pages(TaskId task, NodeMask from, NodeMask to) {
    State& state = *state_;
    if (!valid_mask(from, node_count()) || !valid_mask(to, node_count())) {
        return std::make_unique<FinishedOperation>(state.new_operation_id(), "migrate_pages",
                                                   Err(Errno::kEINVAL));
    }
    OpContext context = state.new_context();
    context.task = task;
    return state.make_operation("migrate_pages", context, [&state, from, to](OpContext& op) {
        return migrate_task_pages(state, op, from, to);
    });
}

OperationPtr Engine::offline_memory(NodeId node, ZoneType zone) {
    State& state = *state_;
    return state.make_operation("offline_memory", [&state, node, zone](OpContext& op) {
        return offline_block(state, op, {node, zone});
    });
}

Result<void> Engine::online_memory(NodeId node, ZoneType type) {
    if (node >= node_count() || state_->nodes[node].zone(type).blocks_offline == 0) {
        return Err(Errno::kEINVAL);
    }
    Zone& zone = state_->nodes[node].zone(type);
    zone.blocks_offline--;
    zone.managed += kMemoryBlock;
    zone.free += kMemoryBlock;
    init_marks(state_->nodes, state_->vm_knobs, profile(), machine().thp_mode() != ThpMode::kNever);
    return {};
}

Result<void> Engine::set_min_free_kbytes(std::int64_t kbytes) {
    if (kbytes < 0 || kbytes > INT_MAX) {
        return Err(Errno::kEINVAL);
    }
    state_->vm_knobs.min_free_kbytes = static_cast<std::uint64_t>(kbytes);
    state_->vm_knobs.user_min_free_kbytes = state_->vm_knobs.min_free_kbytes;
    setup_per_zone_wmarks(state_->nodes, state_->vm_knobs, profile());
    return {};
}

Result<void> Engine::set_watermark_scale_factor(std::int64_t factor) {
    if (factor < 1 || factor > profile().watermark_scale_factor_max) {
        return Err(Errno::kEINVAL);
    }
    state_->vm_knobs.watermark_scale_factor = static_cast<std::uint32_t>(factor);
    setup_per_zone_wmarks(state_->nodes, state_->vm_knobs, profile());
    return {};
}

void Engine::set_lowmem_reserve_ratio(std::span<const std::int32_t> ratios) {
    auto& all = state_->vm_knobs.lowmem_reserve_ratio;
    for (std::size_t zone = 0; zone < ratios.size() && zone < all.size(); zone++) {
        all[zone] = ratios[zone] < 1 ? 0 : static_cast<std::uint32_t>(ratios[zone]);
    }
    setup_per_zone_lowmem_reserve(state_->nodes, state_->vm_knobs);
}

std::span<const std::uint32_t> Engine::lowmem_reserve_ratio() const {
    return state_->vm_knobs.lowmem_reserve_ratio;
}

std::uint64_t Engine::vm_swappiness() const { return state_->vm_swappiness; }

void Engine::set_vm_swappiness(std::uint64_t swappiness) {
    set_swappiness(root_memcg(), swappiness);
}

std::uint32_t Engine::vm_panic_on_oom() const { return state_->vm_panic_on_oom; }

void Engine::set_vm_panic_on_oom(std::uint32_t value) { state_->vm_panic_on_oom = value; }

std::int32_t Engine::vm_oom_kill_allocating_task() const {
    return state_->vm_oom_kill_allocating_task;
}

void Engine::set_vm_oom_kill_allocating_task(std::int32_t value) {
    state_->vm_oom_kill_allocating_task = value;
}

std::uint64_t Engine::oom_score(std::int32_t pid, std::int32_t oom_score_adj) const {
    constexpr std::int64_t kScale = 1000;
    if (oom_score_adj == -kScale) {
        return 0;
    }
    Pages total = state_->swap_total();
    for (const Node& node : state_->nodes) {
        for (const Zone& zone : node.zones) {
            total += zone.managed;
        }
    }
    const auto pages = static_cast<std::int64_t>(total.count());
    std::int64_t badness = oom_score_adj * (pages / kScale);
    if (const Task* task = find_task_by_pid(pid)) {
        const Footprint used = footprint(*state_, *task);
        badness +=
            static_cast<std::int64_t>((used.resident() + used.swapped + used.page_tables).count());
    }
    const std::int64_t points = badness * kScale / pages;
    if (profile().version < KernelVersion{5, 9}) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(points, 0));
    }
    return static_cast<std::uint64_t>(std::max<std::int64_t>((kScale + points) * 2 / 3, 0));
}

}  // namespace memcgfs::engine
