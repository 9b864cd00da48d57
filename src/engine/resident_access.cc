// SPDX-License-Identifier: MIT
#include "engine/resident_access.h"

#include <algorithm>

#include "engine/huge_page.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "engine/swap_fault.h"
#include "engine/torn_page.h"
#include "engine/writeback.h"

namespace memcgfs::engine {

namespace {

/// What an access makes of a resident page; true if it takes a page fault.
bool touch_state(const Engine::State& state, const Mapping& mapping, std::uint8_t user,
                 const AccessRequest& request, PageState& next) {
    bool fault = false;
    if (request.through_mmap) {
        fault = (next.mapped & user) == 0;
        next.mapped |= user;
        next.young |= user;
    }
    next.detached = false;
    next.readahead = false;
    if (request.access == Access::kRead) {
        return fault;
    }
    if (mapping.kind() == PageKind::kFile) {
        // A clean page is write-protected, so that the file system learns of the first write.
        fault = fault || (request.through_mmap && !next.dirty);
        next.dirty = true;
        next.reclaim = false;
    } else if (next.lazyfree) {
        next.dirty = true;
    } else if (next.swap_slot) {
        // A page that still has its slot was write-protected too, and keeps it (do_wp_page).
        const bool writable = next.dirty || state.profile().swap_in_is_writable;
        fault = fault || (request.through_mmap && !writable);
        next.dirty = true;
    }
    return fault;
}

/// The extent with page `index`, of a huge page that only the swap cache has. It is mapped again by
/// small entries: 6.1 does so page by page.
Extent& map_small(Engine::State& state, Extent& holder, std::uint64_t index) {
    Mapping& mapping = *holder.mapping;
    Extent& extent = carve(holder, whole_huge(mapping, {index, 1}));
    PageState next = extent.state;
    next.huge = false;
    return change_pages(state, extent, next);
}

}  // namespace

std::uint64_t access_resident(Engine::State& state, OpContext& op, Extent& resident,
                              std::uint64_t index, std::uint64_t limit,
                              const AccessRequest& request) {
    Mapping& mapping = *resident.mapping;
    if (resident.state.where == PageState::Where::kPart) {
        return access_part(resident, mapping.user_bits.bit(op.task), {index, limit});
    }
    const bool comes_back = resident.state.huge && resident.state.detached;
    Extent& holder = comes_back ? map_small(state, resident, index) : resident;
    const bool write = request.access == Access::kWrite;
    PageState next = holder.state;
    const bool fault = touch_state(state, mapping, mapping.user_bits.bit(op.task), request, next);
    // A write to what only the swap cache has takes the page over, slot and all; so does every
    // access to shared memory (shmem_swapin_folio).
    const bool frees_slots =
        holder.state.detached && !holder.state.writeback &&
        (write || mapping.kind() == PageKind::kShmem || swap_full(state, *holder.memcg));
    // write(2) to a disk file does not mark its pages accessed (generic_perform_write).
    const bool accessed = !request.through_mmap && !(write && mapping.kind() == PageKind::kFile);
    std::uint64_t count = std::min(holder.end() - index, limit);
    if (!accessed && !frees_slots && next == holder.state) {
        return count;
    }
    count = std::min(count, kFreeStep);
    const Engine::Range pages{index, count};
    Extent& extent = carve(holder, holder.state.huge ? whole_huge(mapping, pages) : pages);
    Memcg& memcg = *extent.memcg;
    if (fault) {
        memcg.add_stat(StatItem::kPgfault, static_cast<std::int64_t>(extent.folios()));
    }
    if (extent.state.readahead) {
        note_readahead_hits(state, mapping, count);
    }
    if (frees_slots) {
        free_swap_slots(state, extent);
        next.swap_slot = false;
        next.dirty = false;
        next.device = 0;
    }
    if (accessed) {
        access_pages_as(state, extent, next);
    } else {
        change_pages(state, extent, next);
    }
    note_dirty(state, mapping);
    return count;
}

}  // namespace memcgfs::engine
