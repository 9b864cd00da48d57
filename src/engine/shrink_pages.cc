// SPDX-License-Identifier: MIT
#include "engine/shrink_pages.h"

#include <algorithm>
#include <bit>

#include "engine/io_queue.h"
#include "engine/members.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/swap_space.h"
#include "engine/torn_page.h"
#include "engine/workingset.h"

namespace memcgfs::engine {

namespace {

/// On a list of the kind that has to be swapped out to be freed (folio_test_swapbacked).
bool swap_backed(const Extent& extent) {
    return extent.mapping->kind() != PageKind::kFile && !extent.state.lazyfree;
}

void activate(Engine::State& state, Extent& extent) {
    extent.memcg->add_stat(StatItem::kPgactivate, static_cast<std::int64_t>(extent.count));
    extent.state.list = active_of(extent.state.list);
    if (extent.state.swap_slot && !extent.state.detached && swap_full(state, *extent.memcg)) {
        free_swap_slots(state, extent);
    }
    age_nonresident(*extent.memcg, extent.state.node, Pages{extent.count});
    state.lru_add(extent);
}

enum class References : std::uint8_t { kReclaim, kKeep, kActivate };

/// The two-touch rule; clears the marks it looked at (folio_check_references). A user counts once,
/// however many of a torn huge page's small entries it has used (folio_referenced_one).
References check_references(Extent& extent, std::uint8_t seen) {
    PageState& page_state = extent.state;
    const bool was_referenced = page_state.referenced;
    const unsigned users = page_state.torn ? take_young(extent, seen) : page_state.young & seen;
    const int mappings = std::popcount(users);
    page_state.young = static_cast<std::uint8_t>(page_state.young & ~seen);
    page_state.referenced = mappings > 0;
    if (mappings == 0) {
        return References::kReclaim;
    }
    const bool runs = extent.mapping->executable && !swap_backed(extent);
    return was_referenced || mappings > 1 || runs ? References::kActivate : References::kKeep;
}

void unmap(const Engine::State& state, OpContext& op, Extent& extent) {
    spend_unmap(state, op, extent);
    PageState next = extent.state;
    next.mapped = 0;
    next.young = 0;
    next.detached = next.swap_slot;
    change_isolated(extent, next);
}

/// How file pages that are dirty or being written count (folio_check_dirty_writeback).
ShrinkResult count_dirty(const Extent& extent) {
    ShrinkResult result;
    if (extent.mapping->kind() != PageKind::kFile) {
        return result;
    }
    const Pages pages{extent.count};
    const PageState& page_state = extent.state;
    if (page_state.dirty || page_state.writeback) {
        result.dirty = pages;
    }
    if (page_state.dirty && !page_state.writeback) {
        result.unqueued_dirty = pages;
    }
    if (page_state.writeback && page_state.reclaim) {
        result.congested = pages;
    }
    return result;
}

/// v1 limit reclaim: lets the write end, which may take the operation a while.
void wait_on_writeback(Engine::State& state, OpContext& op, Extent& extent) {
    const Nanos now = time_of(op);
    unplug_swap(state, now);  // nobody sleeps on what has not begun
    Nanos end = now;
    for (const IoQueue& queue : state.io_queues) {
        for (const WriteRequest& request : queue.requests) {
            const Engine::Range& range = request.range;
            if (request.mapping == extent.mapping->id() && range.first < extent.end() &&
                extent.first < range.first + range.count) {
                end = std::max(end, request.done);
            }
        }
    }
    op.spend(end - now);
    PageState next = extent.state;
    next.writeback = false;
    next.reclaim = false;
    change_isolated(extent, next);
}

/// Pages given up with MADV_FREE and not written to since are free; others live on.
ShrinkResult shrink_lazyfree(Engine::State& state, Extent& extent) {
    const Pages pages{extent.count};
    if (extent.state.dirty) {
        PageState next = extent.state;
        next.lazyfree = false;
        next.dirty = false;
        next.list = LruList::kInactiveAnon;
        change_isolated(extent, next);
        activate(state, extent);
        return {};
    }
    extent.memcg->add_stat(StatItem::kPglazyfreed, as_delta(pages));
    free_isolated(state, extent);
    return {.freed = pages};
}

ShrinkResult shrink_file(Engine::State& state, const ScanControl& control, Extent& extent) {
    Mapping& mapping = *extent.mapping;
    const Engine::Range range{extent.first, extent.count};
    const PageState page_state = extent.state;
    if (page_state.dirty) {
        // Only the flusher writes files: this page goes as soon as it has done so.
        PageState next = page_state;
        next.reclaim = true;
        change_isolated(extent, next);
        activate(state, extent);
        return {};
    }
    free_isolated(state, extent);
    leave_shadows(mapping, range, control.request.root, page_state);
    return {.freed = Pages{range.count}};
}

ShrinkResult shrink_swap_backed(Engine::State& state, OpContext& op, const ScanControl& control,
                                Extent& extent) {
    const SwapOutcome outcome = swap_out(state, op, extent, control.request.root);
    for (Extent* kept : outcome.kept) {
        activate(state, *kept);
    }
    return {.freed = outcome.freed, .written = outcome.written};
}

}  // namespace

ShrinkResult& ShrinkResult::operator+=(const ShrinkResult& other) {
    freed += other.freed;
    written += other.written;
    dirty += other.dirty;
    unqueued_dirty += other.unqueued_dirty;
    congested += other.congested;
    return *this;
}

namespace {

/// Reclaim splits what it takes of torn huge pages; the parts go on as pages of their own.
ShrinkResult shrink_torn(Engine::State& state, OpContext& op, const ScanControl& control,
                         Extent& torn) {
    ShrinkResult result;
    for (Extent* part : split_isolated_torn(state, torn)) {
        result += shrink_extent(state, op, control, *part);
    }
    return result;
}

}  // namespace

std::uint8_t users_in(const Engine::State& state, const Mapping& mapping,
                      const ScanControl& control) {
    const Memcg& root = control.request.root;
    return mapping.user_bits.bits_of([&](TaskId id) {
        const Task* task = state.tasks.find(id);
        return root.is_root() || task == nullptr ||
               charged_memcg(state, *task).is_descendant_of(root);
    });
}

bool writeback_throttling_sane(const Engine::State& state, const ScanControl& control) {
    return !state.memory_on_v1() || control.request.root.is_root();
}

ShrinkResult shrink_extent(Engine::State& state, OpContext& op, const ScanControl& control,
                           Extent& extent) {
    ShrinkResult result = count_dirty(extent);
    if (extent.state.writeback) {
        if (writeback_throttling_sane(state, control) || !extent.state.reclaim) {
            extent.state.reclaim = true;
            activate(state, extent);
            return result;
        }
        wait_on_writeback(state, op, extent);
    }
    if (!control.ignore_references) {
        switch (check_references(extent, users_in(state, *extent.mapping, control))) {
            case References::kActivate:
                activate(state, extent);
                return result;
            case References::kKeep:
                state.lru_add(extent);
                return result;
            case References::kReclaim:
                break;
        }
    }
    if (extent.state.torn) {
        return shrink_torn(state, op, control, extent);
    }
    if (!swap_backed(extent) || extent.state.swap_slot) {
        unmap(state, op, extent);  // others are once they have slots
    }
    if (extent.state.lazyfree) {
        result += shrink_lazyfree(state, extent);
    } else if (extent.mapping->kind() == PageKind::kFile) {
        result += shrink_file(state, control, extent);
    } else {
        result += shrink_swap_backed(state, op, control, extent);
    }
    return result;
}

}  // namespace memcgfs::engine
