// SPDX-License-Identifier: MIT
//
// What must hold between any two steps, whatever happened before.

#include "engine/slab.h"
#include "engine/state.h"
#include "engine/threads.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

std::int64_t list_pages(const Memcg& memcg, NodeId node, LruList which) {
    std::int64_t pages = 0;
    const Lruvec::List& list = memcg.lruvec(node).list(which);
    const Extent* newer = nullptr;
    for (const Extent* extent = list.head; extent != nullptr; extent = extent->older) {
        MEMCGFS_ASSERT(extent->memcg == &memcg);
        MEMCGFS_ASSERT(extent->state.list == which);
        MEMCGFS_ASSERT(extent->state.node == node);
        MEMCGFS_ASSERT(extent->state.where == PageState::Where::kResident);
        MEMCGFS_ASSERT(extent->newer == newer);
        pages += static_cast<std::int64_t>(extent->count);
        newer = extent;
    }
    MEMCGFS_ASSERT(list.tail == newer);
    MEMCGFS_ASSERT(static_cast<std::int64_t>(list.pages.count()) == pages);
    return pages;
}

void check_lists(const Engine::State& state, const Memcg& memcg) {
    for (std::size_t which = 0; which < kLruListCount; which++) {
        const auto list = static_cast<LruList>(which);
        const StatItem item = stat_of_list(list);
        std::int64_t own = 0;
        for (std::size_t index = 0; index < state.nodes.size(); index++) {
            const auto node = static_cast<NodeId>(index);
            const std::int64_t here = list_pages(memcg, node, list);
            std::int64_t subtree = here;
            for (const Memcg* child : memcg.children) {
                subtree += child->node_stat_total(node, item);
            }
            MEMCGFS_ASSERT(memcg.node_stat_total(node, item) == subtree);
            own += here;
        }
        MEMCGFS_ASSERT(memcg.stat(item) == own);
    }
    // keep_flushed() goes up to the first group that has been kept, no further.
    MEMCGFS_ASSERT(memcg.is_root() || memcg.flushed_in != state.stat_epoch ||
                   memcg.parent()->flushed_in == state.stat_epoch);
}

/// Pages charged and not yet given to anybody: this CPU's stock.
Pages stock_of(const Engine::State& state, const Memcg& memcg) {
    Pages sum{};
    for (const Engine::State::Stock& stock : state.stocks) {
        if (stock.owner == &memcg) {
            sum += stock.pages;
        }
    }
    return sum;
}

/// A counter is its own pages, its stock and its children.
void check_counters(const Engine::State& state, const Memcg& memcg) {
    std::int64_t own = memcg.stat(StatItem::kKernel) + memcg.stat(StatItem::kSock);
    for (std::size_t list = 0; list < kLruListCount; list++) {
        own += memcg.stat(stat_of_list(static_cast<LruList>(list)));
    }
    Pages sum = memcg.is_root() ? Pages{0}
                                : Pages{static_cast<std::uint64_t>(own)} + stock_of(state, memcg) +
                                      memcg.in_flight;
    for (const Memcg* child : memcg.children) {
        MEMCGFS_ASSERT(child->parent() == &memcg);
        sum += child->memory.usage();
    }
    MEMCGFS_ASSERT(memcg.memory.usage() == sum);
    MEMCGFS_ASSERT(memcg.memory.watermark() >= memcg.memory.usage());
    if (state.memory_on_v1()) {
        MEMCGFS_ASSERT(memcg.memsw.usage() >= memcg.memory.usage());
    }
    const WmarkLevels& levels = memcg.wmark.levels;
    MEMCGFS_ASSERT(memcg.wmark.ratio_percent < 10 || levels.low <= levels.high);
}

/// A zone's pages are free, reserved or resident, and its lists are those of all groups.
void check_zones(const Engine::State& state) {
    std::vector<Node> seen(state.nodes.size());
    state.mappings.for_each([&](const Mapping& mapping) {
        mapping.for_each_extent([&](const Extent& extent) {
            if (extent.state.where == PageState::Where::kResident) {
                seen[extent.state.node].zone(extent.state.zone).managed += Pages{extent.count};
            }
        });
    });
    for (std::size_t node = 0; node < seen.size(); node++) {
        for (std::size_t type = 0; type < kZoneTypeCount; type++) {
            const Zone& zone = state.nodes[node].zones[type];
            const Pages resident = seen[node].zones[type].managed;
            MEMCGFS_ASSERT(zone.managed == zone.free + zone.isolated + zone.reserved + resident);
            Pages listed{};
            for (const Pages pages : zone.lists) {
                listed += pages;
            }
            MEMCGFS_ASSERT(listed <= resident);
        }
    }
}

void check_thresholds(const ThresholdList& list) {
    MEMCGFS_ASSERT(list.reached <= list.entries.size());
    for (std::size_t i = 1; i < list.entries.size(); i++) {
        MEMCGFS_ASSERT(list.entries[i - 1].pages <= list.entries[i].pages);
    }
}

/// Each registration is in its group's list and has one threshold there, or none.
void check_events(const Engine::State& state, const Memcg& memcg) {
    std::size_t thresholds = 0;
    for (const EventId id : memcg.notify.registrations) {
        const EventRegistration* registration = state.events.find(id);
        MEMCGFS_ASSERT(registration != nullptr && registration->memcg == memcg.id());
        thresholds += std::holds_alternative<UsageEvent>(registration->spec) ? 1 : 0;
    }
    check_thresholds(memcg.notify.memory);
    check_thresholds(memcg.notify.memsw);
    MEMCGFS_ASSERT(memcg.notify.memory.entries.size() + memcg.notify.memsw.entries.size() ==
                   thresholds);
    MEMCGFS_ASSERT(memcg.online || memcg.notify.registrations.empty());
}

/// The group's PSI counts are those of the tasks in its subtree; the root's has kernel threads too.
PsiCpu check_psi(const Engine::State& state, const Cgroup& group) {
    PsiCpu sum;
    const auto add = [&sum](std::uint32_t running, std::uint32_t stalled, std::uint32_t both) {
        sum.running += running;
        sum.stalled += stalled;
        sum.stalled_running += both;
    };
    for (const TaskId id : group.tasks) {
        const PsiFlags& flags = state.tasks.find(id)->psi;
        add(flags.running ? 1 : 0, flags.stalled ? 1 : 0, flags.running && flags.stalled ? 1 : 0);
    }
    for (const Cgroup* child : group.children) {
        const PsiCpu below = check_psi(state, *child);
        add(below.running, below.stalled, below.stalled_running);
    }
    PsiCpu counted;
    for (const PsiCpu& cpu : group.psi != nullptr ? group.psi->cpus : std::vector<PsiCpu>{}) {
        counted.running += cpu.running;
        counted.stalled += cpu.stalled;
        counted.stalled_running += cpu.stalled_running;
    }
    if (!group.is_root()) {
        MEMCGFS_ASSERT(counted.running == sum.running && counted.stalled == sum.stalled &&
                       counted.stalled_running == sum.stalled_running);
    }
    return sum;
}

}  // namespace

void Engine::check_invariants() const {
    const State& state = *state_;
    std::size_t registrations = 0;
    state.memcgs.for_each([&](const Memcg& memcg) {
        check_lists(state, memcg);
        check_counters(state, memcg);
        check_events(state, memcg);
        registrations += memcg.notify.registrations.size();
    });
    check_mappings(state);
    check_slab(state);
    check_zones(state);
    MEMCGFS_ASSERT(registrations == state.events.size());
    check_psi(state, *state.unified->root);
    state.tasks.for_each([&](const Task& task) {
        if (is_thread(task)) {
            MEMCGFS_ASSERT(find_thread(task.info.process, task.info.pid) == &task);
            MEMCGFS_ASSERT(find_task_by_pid(task.info.process) != nullptr && task.regions.empty());
        } else {
            MEMCGFS_ASSERT(find_task_by_pid(task.info.pid) == &task);
        }
    });
    Pages slots{};
    for (const State::SwapArea& area : state.swap_areas) {
        MEMCGFS_ASSERT(area.used <= area.device.pages);
        slots += area.used;
    }
    MEMCGFS_ASSERT(state.swap_used == slots);
}

}  // namespace memcgfs::engine
