// SPDX-License-Identifier: MIT
#include "engine/state.h"

#include <algorithm>
#include <iterator>

#include "engine/notify.h"
#include "engine/oom_wait.h"
#include "engine/stat_flush.h"
#include "engine/swap_device.h"

namespace memcgfs::engine {

Engine::State::State(const Environment& environment_in)
    : environment(environment_in),
      nodes(nodes_of(environment_in.machine)),
      vm_swappiness(environment_in.machine.vm_swappiness),
      vm_panic_on_oom(environment_in.machine.vm_panic_on_oom),
      vm_oom_kill_allocating_task(environment_in.machine.vm_oom_kill_allocating_task),
      stat_epoch(environment_in.profile.stat_flush == StatFlush::kNever ? 0 : 1) {
    stocks.resize(std::max(1U, machine().cpus));
    slab.stocks.resize(stocks.size());
    init_marks(nodes, vm_knobs, profile(), machine().thp_mode() != ThpMode::kNever);
    css_sets.emplace_back();  // number 0: the roots
    for (const SwapDevice& device : machine().swap_devices) {
        swap_areas.push_back({.device = device});
    }
    if (swap_areas.empty() && machine().swap > Pages{0}) {
        swap_areas.push_back({.device = {.pages = machine().swap,
                                         .write = machine().costs.swap_out,
                                         .read = machine().costs.swap_in}});
    }
    for (std::size_t i = 0; i < swap_areas.size(); i++) {
        name_swap_device(swap_areas[i].device, i);
    }
    io_queues.resize(1 + swap_areas.size());
}

OpContext Engine::State::new_context() {
    return new_context(static_cast<std::uint32_t>(next_operation % stocks.size()));
}

OpContext Engine::State::new_context(std::uint32_t cpu) {
    OpContext context;
    context.id = new_operation_id();
    context.clock = &environment.clock;
    context.cpu = cpu;
    return context;
}

OperationPtr Engine::State::make_operation(std::string_view name, OpContext context,
                                           CoroOperation::Body body) {
    CoroOperation::Hooks hooks;
    hooks.before_step = [this](const OpContext& op) {
        current_cpu = op.cpu;
        flush_if_due(*this, op.clock->now());
    };
    hooks.after_step = [this] {
        current_cpu = 0;
        collect_dying();
    };
    return std::make_unique<CoroOperation>(context, name, std::move(body), std::move(hooks));
}

OperationPtr Engine::State::make_operation(std::string_view name, CoroOperation::Body body) {
    return make_operation(name, new_context(), std::move(body));
}

Memcg& Engine::State::new_memcg(Memcg* above, CgroupId cgroup) {
    Memcg* const parent = above != nullptr && !above->use_hierarchy ? root_memcg : above;
    Memcg& memcg = memcgs.emplace(parent, cgroup, static_cast<NodeId>(nodes.size()));
    if (above == nullptr) {
        memcg.use_hierarchy = !memory_on_v1() || profile().use_hierarchy_default;
        memcg.swappiness = vm_swappiness;
        return memcg;
    }
    memcg.use_hierarchy = above->use_hierarchy;
    memcg.swappiness = above->is_root() ? vm_swappiness : above->swappiness;
    memcg.oom_kill_disable = above->oom_kill_disable;
    if (!parent->children.empty()) {
        parent->children.back()->next_sibling = &memcg;
    }
    parent->children.push_back(&memcg);
    if (profile().wmark) {
        memcg.wmark.ratio_percent = above->wmark.ratio_percent;
        memcg.wmark.scale_factor =
            above->wmark.scale_factor != 0 ? above->wmark.scale_factor : kWmarkScaleFactorDefault;
        memcg.wmark.levels = compute_wmark(
            {.ratio_percent = memcg.wmark.ratio_percent, .scale_factor = memcg.wmark.scale_factor});
    }
    return memcg;
}

void Engine::State::collect_dying() {
    // Freeing a group may complete its removed parent's end, so go on until nothing changes.
    for (bool freed = true; freed && !dying.empty();) {
        freed = false;
        for (std::size_t i = dying.size(); i-- > 0;) {
            Memcg& memcg = *dying[i];
            if (memcg.pins == 0 && memcg.memory.usage() == Pages{0} &&
                memcg.stat(StatItem::kSwap) == 0 && memcg.children.empty()) {
                dying.erase(dying.begin() + static_cast<std::ptrdiff_t>(i));
                free_memcg(memcg);
                freed = true;
            }
        }
    }
}

void Engine::State::free_memcg(Memcg& memcg) {
    Memcg& parent = *memcg.parent();
    const auto place = std::find(parent.children.begin(), parent.children.end(), &memcg);
    if (place != parent.children.begin()) {
        (*std::prev(place))->next_sibling = memcg.next_sibling;
    }
    parent.children.erase(place);
    for (std::size_t node = 0; node < nodes.size(); node++) {
        nodes[node].soft_limit_tree.erase(
            {memcg.lruvec(static_cast<NodeId>(node)).soft_excess, memcg.id()});
    }
    // cgroup.stat counts a removed group as dying in every ancestor until now.
    for (const CgroupId id : memcg.dying_in) {
        if (Cgroup* group = cgroups.find(id); group != nullptr) {
            group->dying_descendants--;
        }
    }
    memcgs.erase(memcg.id());
}

void Engine::State::event(Memcg& memcg, MemcgEvent event) {
    const bool swap_event = event == MemcgEvent::kSwapHigh || event == MemcgEvent::kSwapMax ||
                            event == MemcgEvent::kSwapFail;
    trace(TraceEvent::Kind::kEvent, memcg, static_cast<std::uint64_t>(event));
    memcg.counts().events_local[Memcg::index(event)]++;
    if (const Cgroup* group = cgroups.find(memcg.cgroup); group != nullptr && !swap_event) {
        notify(*group, NotifyFile::kMemoryEventsLocal);
    }
    for (Memcg* level = &memcg; level != nullptr && !level->is_root(); level = level->parent()) {
        level->counts().events_total[Memcg::index(event)]++;
        if (const Cgroup* group = cgroups.find(level->cgroup); group != nullptr) {
            notify(*group, swap_event ? NotifyFile::kMemorySwapEvents : NotifyFile::kMemoryEvents);
        }
        if (memory_on_v1() || local_events()) {
            break;  // v1 shows oom_kill of the group itself only
        }
    }
}

void Engine::State::trace(TraceEvent::Kind kind, const Memcg& memcg, std::uint64_t a,
                          std::uint64_t b) {
    if (environment.observer != nullptr) {
        environment.observer->on_event({kind, memcg.id().value, a, b});
    }
}

Nanos Engine::State::transfer_cost(Nanos per_page, Pages pages) const {
    constexpr Nanos kStall = from_millis(1000);
    return per_page * as_delta(pages) + (fault(FaultSite::kSlowDevice) ? kStall : Nanos{});
}

namespace {

/// The number of pages of the extent's list in its zone.
Pages& zone_list(std::vector<Node>& nodes, const Extent& extent) {
    return nodes[extent.state.node].zone(extent.state.zone).list(extent.state.list);
}

}  // namespace

void Engine::State::change_list(Memcg& memcg, const PageState& page_state, std::int64_t pages) {
    keep_flushed(*this, memcg);
    memcg.add_node_stat(page_state.node, stat_of_list(page_state.list), pages);
}

Extent& Engine::State::lru_add(Extent& extent) {
    Memcg& memcg = *extent.memcg;
    zone_list(nodes, extent) += Pages{extent.count};
    change_list(memcg, extent.state, static_cast<std::int64_t>(extent.count));
    return memcg.lruvec(extent.state.node).add_head(extent);
}

bool Engine::State::lru_extend_head(const Mapping& mapping, Range range, Memcg& memcg,
                                    const PageState& page_state) {
    if (!memcg.lruvec(page_state.node).extend_head(mapping, range.first, range.count, page_state)) {
        return false;
    }
    nodes[page_state.node].zone(page_state.zone).list(page_state.list) += Pages{range.count};
    change_list(memcg, page_state, static_cast<std::int64_t>(range.count));
    return true;
}

Extent& Engine::State::lru_add_tail(Extent& extent) {
    Memcg& memcg = *extent.memcg;
    change_list(memcg, extent.state, static_cast<std::int64_t>(extent.count));
    Zone& zone = nodes[extent.state.node].zone(extent.state.zone);
    zone.list(extent.state.list) += Pages{extent.count};
    return memcg.lruvec(extent.state.node).add_tail(extent);
}

void Engine::State::lru_add_above(Extent& place, Extent& extent) {
    Memcg& memcg = *extent.memcg;
    zone_list(nodes, extent) += Pages{extent.count};
    change_list(memcg, extent.state, static_cast<std::int64_t>(extent.count));
    memcg.lruvec(extent.state.node).add_above(place, extent);
}

void Engine::State::lru_remove(Extent& extent) {
    Memcg& memcg = *extent.memcg;
    zone_list(nodes, extent) -= Pages{extent.count};
    change_list(memcg, extent.state, -static_cast<std::int64_t>(extent.count));
    memcg.lruvec(extent.state.node).remove(extent);
}

void Engine::State::uncharge_memory(Memcg& memcg, Pages pages, std::uint64_t folios) {
    if (memory_on_v1() && !memcg.is_root()) {
        memcg.memsw.uncharge(pages);
    }
    uncharge_memory_keeping_memsw(memcg, pages, folios);
}

void Engine::State::uncharge_memory_keeping_memsw(Memcg& memcg, Pages pages, std::uint64_t folios) {
    memcg.add_stat(StatItem::kPgpgout, static_cast<std::int64_t>(folios));
    if (!memcg.is_root()) {  // a root task's pages are not counted
        memcg.memory.uncharge(pages);
        trace(TraceEvent::Kind::kUncharge, memcg, pages.count());
        oom_recover(*this, memcg);
    }
    memcg_check_events(*this, memcg, pages, PageBatch::kTogether);
}

}  // namespace memcgfs::engine
