// SPDX-License-Identifier: MIT
#include "engine/writeback.h"

#include <algorithm>

#include "engine/io_queue.h"
#include "engine/page_state.h"

namespace memcgfs::engine {

namespace {

constexpr Nanos kWritebackInterval = from_millis(5'000);  // dirty_writeback_centisecs
constexpr Nanos kExpireInterval = from_millis(30'000);    // dirty_expire_centisecs
constexpr std::uint64_t kBackgroundRatio = 10;            // dirty_background_ratio, percent
constexpr std::uint64_t kDirtyRatio = 20;                 // dirty_ratio, percent
constexpr Nanos kMaxPause = from_millis(200);

Pages pages_of(const Memcg& memcg, StatItem item) {
    return Pages{static_cast<std::uint64_t>(memcg.stat_total(item))};
}

Pages file_lists(const Memcg& memcg) {
    return pages_of(memcg, StatItem::kInactiveFile) + pages_of(memcg, StatItem::kActiveFile);
}

/// One dirty_throttle_control: how much is dirty and how much may be.
struct Domain {
    Pages dirty{};
    Pages under_way{};
    Pages available{};
    Pages background() const { return available * kBackgroundRatio / 100; }
    /// Up to here nobody waits.
    Pages freerun() const { return (background() + available * kDirtyRatio / 100) / 2; }
};

Pages minus(Pages a, Pages b) { return a > b ? a - b : Pages{0}; }

Domain machine_domain(const Engine::State& state) {
    const Memcg& root = *state.root_memcg;
    const Pages other = pages_of(root, StatItem::kInactiveAnon) +
                        pages_of(root, StatItem::kActiveAnon) +
                        pages_of(root, StatItem::kUnevictable);
    return {pages_of(root, StatItem::kFileDirty), pages_of(root, StatItem::kFileWriteback),
            minus(state.machine().memory, other)};
}

/// v2: a group's own share (mem_cgroup_wb_stats, mdtc_calc_avail).
Domain group_domain(const Memcg& memcg, const Domain& machine) {
    Domain domain{
        pages_of(memcg, StatItem::kFileDirty), pages_of(memcg, StatItem::kFileWriteback), {}};
    Pages headroom = kPageCounterMax;
    for (const Memcg* level = &memcg; !level->is_root(); level = level->parent()) {
        const Pages ceiling = std::min(level->memory.max(), level->memory.high());
        headroom = std::min(headroom, minus(ceiling, level->memory.usage()));
    }
    const Pages file = file_lists(memcg);
    const Pages other_clean =
        minus(minus(machine.available, machine.dirty), minus(file, domain.dirty));
    domain.available = file + std::min(headroom, other_clean);
    return domain;
}

/// Writes what is dirty of one run; returns how many pages.
Pages write_extent(Engine::State& state, Extent& extent, Nanos now) {
    const Engine::Range range{extent.first, extent.count};
    Mapping& mapping = *extent.mapping;
    PageState next = extent.state;
    next.dirty = false;
    next.writeback = true;
    change_pages(state, extent, next);
    submit_write(state, state.io_queues[0], {mapping.id(), range, {}}, now,
                 state.machine().costs.writeback);
    return Pages{range.count};
}

Pages write_pages(Engine::State& state, Mapping& mapping, Nanos now, const Memcg* within) {
    Pages written{};
    std::uint64_t index = 0;
    while (mapping.dirty > Pages{0}) {
        Extent* extent = mapping.next(index);
        if (extent == nullptr) {
            break;  // what is left is being written already
        }
        index = extent->end();
        const bool ours = within == nullptr || extent->memcg->is_descendant_of(*within);
        if (ours && extent->state.dirty && !extent->state.writeback) {
            written += write_extent(state, *extent, now);
        }
    }
    return written;
}

/// Takes mappings that have become clean, or gone, off the flusher's list; writes expired ones.
void flush_expired(Engine::State& state, Nanos now) {
    std::erase_if(state.dirty_mappings, [&](MappingId id) {
        Mapping* mapping = state.mappings.find(id);
        if (mapping == nullptr) {
            return true;
        }
        if (mapping->dirty > Pages{0} && mapping->dirtied_when + kExpireInterval <= now) {
            write_pages(state, *mapping, now, nullptr);
            mapping->dirtied_when = now;  // of what was being written and has to be once more
        }
        mapping->waits_for_flusher = mapping->dirty > Pages{0};
        return !mapping->waits_for_flusher;
    });
}

/// wb_workfn's periodic part.
Coro<OperationResult> flusher(Engine::State& state, OpContext& op) {
    while (!state.dirty_mappings.empty()) {
        co_await pause({Step::Kind::kSleep, op.clock->now() + kWritebackInterval});
        settle_io(state, op.clock->now());
        flush_expired(state, op.clock->now());
    }
    state.flusher_running = false;
    co_return std::uint64_t{0};
}

}  // namespace

void note_dirty(Engine::State& state, Mapping& mapping) {
    if (mapping.waits_for_flusher || mapping.dirty == Pages{0}) {
        return;
    }
    mapping.waits_for_flusher = true;
    mapping.dirtied_when = state.environment.clock.now();
    state.dirty_mappings.push_back(mapping.id());
    if (!state.flusher_running) {
        state.flusher_running = true;
        state.emit(SpawnEffect{state.make_operation(
            "flusher", [&state](OpContext& op) { return flusher(state, op); })});
    }
}

Pages write_mapping(Engine::State& state, Mapping& mapping, Nanos now) {
    return write_pages(state, mapping, now, nullptr);
}

void write_all(Engine::State& state, Nanos now, const Memcg* within) {
    for (const MappingId id : state.dirty_mappings) {
        if (Mapping* mapping = state.mappings.find(id); mapping != nullptr) {
            write_pages(state, *mapping, now, within);
        }
    }
}

Coro<void> balance_dirty_pages(Engine::State& state, OpContext& op, Memcg& memcg) {
    const MemcgPin pin(memcg);
    for (;;) {
        const Nanos now = time_of(op);
        settle_io(state, now);
        const Domain machine = machine_domain(state);
        bool waits = machine.dirty + machine.under_way > machine.freerun();
        if (machine.dirty > machine.background()) {
            write_all(state, now);
        }
        if (!state.memory_on_v1() && !memcg.is_root()) {
            const Domain group = group_domain(memcg, machine);
            waits = waits || group.dirty + group.under_way > group.freerun();
            if (group.dirty > group.background()) {
                write_all(state, now, &memcg);
            }
        }
        const Nanos end = next_write_end(state, now);
        const Task* task = state.tasks.find(op.task);
        if (!waits || end <= now || op.signal_pending || (task != nullptr && task->dying)) {
            co_return;
        }
        op.spend(std::min(end - now, kMaxPause));
        co_await op.pause_point();
    }
}

Coro<OperationResult> sync_pages(Engine::State& state, OpContext& op, MappingId id) {
    Pages written{};
    for (;;) {
        settle_io(state, time_of(op));
        Mapping* mapping = state.mappings.find(id);
        if (mapping == nullptr) {
            break;
        }
        written += write_pages(state, *mapping, time_of(op), nullptr);
        if (mapping->writeback == Pages{0} || op.signal_pending) {
            break;
        }
        unplug_swap(state, time_of(op));  // it may be reclaim that writes them, and sleeps
        op.spend(next_write_end(state, time_of(op)) - time_of(op));
        co_await op.pause_point();
    }
    co_return written.count();
}

Coro<OperationResult> sync_all_pages(Engine::State& state, OpContext& op) {
    settle_io(state, time_of(op));
    std::vector<MappingId> files;
    state.mappings.for_each([&](const Mapping& mapping) {
        const bool dirty = mapping.dirty > Pages{0} || mapping.writeback > Pages{0};
        if (dirty && mapping.kind() == PageKind::kFile) {
            files.push_back(mapping.id());
        }
    });
    std::uint64_t written = 0;
    for (const MappingId id : files) {  // first all are started, then each is waited for
        if (Mapping* mapping = state.mappings.find(id); mapping != nullptr) {
            written += write_mapping(state, *mapping, time_of(op)).count();
        }
    }
    for (const MappingId id : files) {
        written += *(co_await sync_pages(state, op, id));
    }
    co_return written;
}

}  // namespace memcgfs::engine
