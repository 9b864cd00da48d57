// SPDX-License-Identifier: MIT
#include "engine/advise.h"

#include <algorithm>
#include <vector>

#include "engine/huge_page.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/reclaim.h"
#include "engine/slab.h"
#include "engine/torn_page.h"
#include "engine/writeback.h"

namespace memcgfs::engine {

namespace {

/// MADV_COLD: active pages go to the inactive list, used or not (folio_deactivate).
Pages cool(Engine::State& state, Extent& extent) {
    const Pages pages{extent.count};
    PageState next = extent.state;
    next.young = 0;
    next.referenced = false;
    if (is_active(next.list)) {
        next.list = inactive_of(next.list);
        extent.memcg->add_stat(StatItem::kPgdeactivate, as_delta(pages));
    }
    change_pages(state, extent, next);
    return pages;
}

/// MADV_FREE: the pages may go at any time until they are written to (folio_mark_lazyfree).
Pages give_up(Engine::State& state, Extent& extent) {
    const Pages pages{extent.count};
    if (extent.state.where == PageState::Where::kSwapped || extent.state.detached) {
        free_extent(state, extent);  // slots, with the page if the swap cache has it
        return pages;
    }
    if (extent.state.swap_slot) {
        free_swap_slots(state, extent);
    }
    PageState next = extent.state;
    next.young = 0;
    if (next.list != LruList::kUnevictable && !next.lazyfree) {
        next.list = LruList::kInactiveFile;
        next.referenced = false;
        next.lazyfree = true;
        extent.memcg->add_stat(StatItem::kPglazyfree, as_delta(pages));
    }
    next.dirty = false;
    change_pages(state, extent, next);
    return pages;
}

/// MADV_DONTNEED: private pages are freed, others leave this user's page table.
Pages discard(Engine::State& state, std::uint8_t user, Extent& extent) {
    const Pages pages{extent.count};
    if (extent.mapping->kind() == PageKind::kAnon) {
        free_extent(state, extent);
        return pages;
    }
    if (extent.state.where == PageState::Where::kSwapped || (extent.state.mapped & user) == 0) {
        return Pages{0};
    }
    PageState next = extent.state;
    const bool used = (next.young & user) != 0;
    next.mapped = static_cast<std::uint8_t>(next.mapped & ~user);
    next.young = static_cast<std::uint8_t>(next.young & ~user);
    if (used) {
        access_pages_as(state, extent, next);
    } else {
        change_pages(state, extent, next);
    }
    return pages;
}

Pages advise_extent(Engine::State& state, std::uint8_t user, Advice advice, Extent& extent) {
    const bool resident = extent.state.where == PageState::Where::kResident;
    switch (advice) {
        case Advice::kCold:
            // Pages that others map too are left alone.
            return resident && extent.state.mapped == user ? cool(state, extent) : Pages{0};
        case Advice::kFree:
            return give_up(state, extent);
        case Advice::kDontNeed:
            return discard(state, user, extent);
        case Advice::kPageout:
            break;
    }
    return Pages{0};
}

/// deactivate_file_folio: what could not be dropped goes first, at the latest once written.
void deactivate_file(Engine::State& state, Extent& extent) {
    PageState next = extent.state;
    if (next.list == LruList::kUnevictable || next.mapped != 0) {
        return;
    }
    if (is_active(next.list)) {
        extent.memcg->add_stat(StatItem::kPgdeactivate, static_cast<std::int64_t>(extent.count));
    }
    state.lru_remove(extent);
    next.list = inactive_of(next.list);
    next.referenced = false;
    next.reclaim = true;
    change_isolated(extent, next);
    state.lru_add(extent);
}

}  // namespace

Coro<std::uint64_t> pageout_range(Engine::State& state, OpContext& op, MappingId id,
                                  Engine::Range range) {
    std::uint64_t freed = 0;
    std::uint64_t index = range.first;
    const std::uint64_t end = range.first + range.count;
    while (index < end && !op.signal_pending) {
        Mapping* mapping = state.mappings.find(id);
        Extent* extent = mapping != nullptr ? mapping->next(index) : nullptr;
        if (extent == nullptr || extent->first >= end || extent->state.torn) {
            break;
        }
        index = std::max(index, extent->first);
        if (split_if_part(state, *extent)) {
            continue;
        }
        const bool skipped = extent->state.where != PageState::Where::kResident ||
                             extent->state.list == LruList::kUnevictable;
        if (skipped) {
            index = extent->end();
            continue;
        }
        const std::uint64_t here = std::min(extent->end(), end) - index;
        if (split_cut_huge(state, *extent, {index, here})) {
            continue;
        }
        const std::uint64_t most = extent->state.huge ? kHugePages : kSwapClusterMax.count();
        const std::uint64_t count = std::min(here, most);
        Extent& pages = carve(*extent, {index, count});
        index += count;
        freed += reclaim_extent(state, op, pages).count();
        co_await op.pause_point();
    }
    co_return freed;
}

Coro<OperationResult> advise_pages(Engine::State& state, OpContext& op, AdviceRequest request) {
    Mapping* mapping = state.mappings.find(request.mapping);
    if (mapping == nullptr) {
        co_return Err(Errno::kEINVAL);
    }
    // Locked pages stay; only private ones can be given up.
    const bool refused =
        mapping->locked || (request.advice == Advice::kFree && mapping->kind() != PageKind::kAnon);
    if (refused) {
        co_return Err(Errno::kEINVAL);
    }
    if (request.advice == Advice::kPageout) {
        co_return co_await pageout_range(state, op, request.mapping, request.range);
    }
    const std::uint8_t user = mapping->user_bits.bit(op.task);
    std::uint64_t pages = 0;
    std::uint64_t index = request.range.first;
    const std::uint64_t end = index + request.range.count;
    while (index < end) {
        Extent* extent = mapping->next(index);
        if (extent == nullptr || extent->first >= end || extent->state.torn) {
            break;
        }
        index = std::max(index, extent->first);
        const Engine::Range part{index, std::min(end, extent->end()) - index};
        const bool split =
            request.advice == Advice::kDontNeed
                ? tear_cut_huge(state, *extent, part)
                : split_if_part(state, *extent) || split_cut_huge(state, *extent, part);
        if (split) {
            continue;
        }
        index += part.count;
        pages += advise_extent(state, user, request.advice, carve(*extent, part)).count();
    }
    co_return pages;
}

void free_range(Engine::State& state, Mapping& mapping, Engine::Range range) {
    std::uint64_t index = range.first;
    const std::uint64_t end = index + range.count;
    while (index < end) {
        Extent* extent = mapping.next(index);
        if (extent == nullptr || extent->first >= end) {
            break;
        }
        index = std::max(index, extent->first);
        const Engine::Range part{index, std::min(end, extent->end()) - index};
        if (split_if_part(state, *extent) || split_cut_huge(state, *extent, part)) {
            continue;
        }
        index += part.count;
        free_extent(state, carve(*extent, part));
    }
    mapping.shadows.erase(range.first, range.count);
}

void lock_pages(Engine::State& state, Mapping& mapping) {
    mapping.locked = true;
    split_all_torn(state, mapping);
    std::uint64_t index = 0;
    while (Extent* extent = mapping.next(index)) {
        index = extent->end();
        if (extent->state.where == PageState::Where::kResident) {
            PageState next = extent->state;
            next.list = LruList::kUnevictable;
            change_pages(state, *extent, next);
        }
    }
}

void unlock_pages(Engine::State& state, Mapping& mapping) {
    mapping.locked = false;
    std::uint64_t index = 0;
    while (Extent* extent = mapping.next(index)) {
        index = extent->end();
        if (extent->state.list == LruList::kUnevictable) {
            PageState next = extent->state;
            const bool file = mapping.kind() == PageKind::kFile || next.lazyfree;
            next.list = file ? LruList::kInactiveFile : LruList::kInactiveAnon;
            change_pages(state, *extent, next);
        }
    }
}

Pages drop_clean_pages(Engine::State& state, Mapping& mapping) {
    Pages dropped{};
    if (mapping.kind() != PageKind::kFile) {
        return dropped;  // tmpfs pages are their file's only copy
    }
    mapping.shadows.clear();
    std::uint64_t index = 0;
    while (Extent* extent = mapping.next(index)) {
        index = extent->end();
        if (extent->state.mapped == 0 && !extent->state.dirty && !extent->state.writeback) {
            dropped += Pages{extent->count};
            free_extent(state, *extent);
        } else {
            deactivate_file(state, *extent);
        }
    }
    return dropped;
}

Pages write_and_drop(Engine::State& state, Mapping& mapping, Nanos now) {
    if (mapping.kind() == PageKind::kFile) {
        write_mapping(state, mapping, now);
    }
    return drop_clean_pages(state, mapping);
}

void drop_all_dentries(Engine::State& state) {
    state.memcgs.for_each([&](Memcg& memcg) {
        for (std::size_t node = 0; node < state.nodes.size(); node++) {
            prune_dentries(state, memcg, static_cast<NodeId>(node), UINT64_MAX);
        }
    });
    state.collect_dying();
}

Coro<OperationResult> drop_caches(Engine::State& state, OpContext& op, Engine::Caches which) {
    Pages dropped{};
    if (which.pages) {
        std::vector<MappingId> mappings;  // those that come meanwhile are left alone
        state.mappings.for_each([&](const Mapping& mapping) { mappings.push_back(mapping.id()); });
        for (const MappingId id : mappings) {
            if (op.signal_pending) {
                break;  // the kernel looks between inodes, and says that all went well
            }
            if (Mapping* mapping = state.mappings.find(id); mapping != nullptr) {
                dropped += drop_clean_pages(state, *mapping);
            }
            co_await op.pause_point();
        }
        state.collect_dying();
    }
    if (which.dentries) {
        drop_all_dentries(state);
    }
    co_return dropped.count();
}

}  // namespace memcgfs::engine
