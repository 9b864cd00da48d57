// SPDX-License-Identifier: MIT
#include "engine/page_state.h"

#include "engine/workingset.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

void count_pages(Memcg& memcg, Mapping& mapping, const PageState& page_state, std::int64_t pages) {
    const auto count = [&](bool counts, StatItem item) {
        if (counts) {
            memcg.add_node_stat(page_state.node, item, pages);
        }
    };
    const bool anon = mapping.kind() == PageKind::kAnon;
    const bool file = mapping.kind() == PageKind::kFile;
    const bool attached = !page_state.detached && !page_state.torn;
    count(anon && attached, StatItem::kAnon);
    count(!anon && attached, StatItem::kFile);
    count(mapping.kind() == PageKind::kShmem && attached, StatItem::kShmem);
    count(!anon && page_state.mapped != 0, StatItem::kFileMapped);
    count(page_state.swap_slot, StatItem::kSwapCached);
    count(file && page_state.dirty, StatItem::kFileDirty);
    count(page_state.writeback, StatItem::kFileWriteback);
    if (page_state.huge) {
        count(attached, StatItem::kAnonThp);
    }
    const Pages added{static_cast<std::uint64_t>(pages)};  // wraps for those taken away
    if (file && page_state.dirty) {
        mapping.dirty += added;
    }
    if (page_state.writeback) {
        mapping.writeback += added;
    }
}

Extent& carve(Extent& holder, Engine::Range range) {
    Mapping& mapping = *holder.mapping;
    MEMCGFS_ASSERT(holder.first <= range.first && range.first + range.count <= holder.end());
    Extent& extent = mapping.split(holder, range.first);
    if (range.count < extent.count) {
        mapping.split(extent, range.first + range.count);
    }
    return extent;
}

void change_isolated(Extent& extent, const PageState& next) {
    const auto pages = static_cast<std::int64_t>(extent.count);
    count_pages(*extent.memcg, *extent.mapping, extent.state, -pages);
    count_pages(*extent.memcg, *extent.mapping, next, pages);
    extent.state = next;
}

Extent& change_pages(Engine::State& state, Extent& extent, const PageState& next) {
    if (next == extent.state) {
        return extent;
    }
    if (next.list != extent.state.list) {
        state.lru_remove(extent);
        change_isolated(extent, next);
        return state.lru_add(extent);
    }
    change_isolated(extent, next);
    return extent.memcg->lruvec(next.node).coalesce(extent);
}

void rotate_to_tail(Engine::State& state, Extent& extent) {
    state.lru_remove(extent);
    extent.state.list = inactive_of(extent.state.list);
    state.lru_add_tail(extent);
}

Extent& access_pages_as(Engine::State& state, Extent& extent, PageState next) {
    if (!next.referenced) {
        next.referenced = true;
    } else if (next.list != LruList::kUnevictable && !is_active(next.list)) {
        next.referenced = false;
        next.list = active_of(next.list);
        const Pages pages{extent.count};
        extent.memcg->add_stat(StatItem::kPgactivate, as_delta(pages));
        age_nonresident(*extent.memcg, next.node, pages);
    }
    return change_pages(state, extent, next);
}

void unmap_users(Engine::State& state, Mapping& mapping, std::uint8_t gone) {
    std::uint64_t index = 0;
    while (Extent* extent = mapping.next(index)) {
        index = extent->end();
        if (extent->state.where == PageState::Where::kSwapped ||
            (extent->state.mapped & gone) == 0) {
            continue;
        }
        PageState next = extent->state;
        const bool used = (next.young & gone) != 0;
        next.mapped = static_cast<std::uint8_t>(next.mapped & ~gone);
        next.young = static_cast<std::uint8_t>(next.young & ~gone);
        if (next.where == PageState::Where::kPart) {
            extent->state = next;
        } else if (used && mapping.kind() != PageKind::kAnon) {
            access_pages_as(state, *extent, next);
        } else {
            change_pages(state, *extent, next);
        }
    }
}

}  // namespace memcgfs::engine
