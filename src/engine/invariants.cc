// SPDX-License-Identifier: MIT
//
// What must hold between any two steps, whatever happened before.

#include "engine/state.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

std::int64_t list_pages(const Memcg& memcg, LruList which) {
    std::int64_t pages = 0;
    const Lruvec::List& list = memcg.lruvec.list(which);
    const Extent* newer = nullptr;
    for (const Extent* extent = list.head; extent != nullptr; extent = extent->older) {
        MEMCGFS_ASSERT(extent->memcg == &memcg);
        MEMCGFS_ASSERT(extent->state.list == which);
        MEMCGFS_ASSERT(extent->state.where == PageState::Where::kResident);
        MEMCGFS_ASSERT(extent->newer == newer);
        pages += static_cast<std::int64_t>(extent->count);
        newer = extent;
    }
    MEMCGFS_ASSERT(list.tail == newer);
    MEMCGFS_ASSERT(static_cast<std::int64_t>(list.pages.count()) == pages);
    return pages;
}

void check_lists(const Memcg& memcg) {
    MEMCGFS_ASSERT(memcg.stat(StatItem::kInactiveAnon) ==
                   list_pages(memcg, LruList::kInactiveAnon));
    MEMCGFS_ASSERT(memcg.stat(StatItem::kActiveAnon) == list_pages(memcg, LruList::kActiveAnon));
    MEMCGFS_ASSERT(memcg.stat(StatItem::kInactiveFile) ==
                   list_pages(memcg, LruList::kInactiveFile));
    MEMCGFS_ASSERT(memcg.stat(StatItem::kActiveFile) == list_pages(memcg, LruList::kActiveFile));
    MEMCGFS_ASSERT(memcg.stat(StatItem::kUnevictable) == list_pages(memcg, LruList::kUnevictable));
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
    const auto own =
        static_cast<std::uint64_t>(memcg.stat(StatItem::kAnon) + memcg.stat(StatItem::kFile));
    Pages sum = memcg.is_root() ? Pages{0} : Pages{own} + stock_of(state, memcg);
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

}  // namespace

void Engine::check_invariants() const {
    const State& state = *state_;
    state.memcgs.for_each([&](const Memcg& memcg) {
        check_lists(memcg);
        check_counters(state, memcg);
    });
    state.tasks.for_each(
        [&](const Task& task) { MEMCGFS_ASSERT(find_task_by_pid(task.info.pid) == &task); });
    MEMCGFS_ASSERT(state.swap_used <= machine().swap);
}

}  // namespace memcgfs::engine
