// SPDX-License-Identifier: MIT
#include "engine/swap_fault.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "engine/charge.h"
#include "engine/pages.h"
#include "engine/psi.h"
#include "engine/swap_space.h"
#include "engine/workingset.h"

namespace memcgfs::engine {

namespace {

constexpr std::uint64_t kLeastWindow = 4;

/// From a synchronous device a private page that nobody else waits for does not take the way
/// through the swap cache.
bool goes_direct(const Engine::State& state, const Extent& swapped) {
    return swapped.mapping->kind() == PageKind::kAnon && swapped.mapping->users < 2 &&
           state.swap_areas[swapped.state.device].device.synchronous;
}

/// Whether pages that come back by a read stay in the swap cache. Those of shared memory move from
/// there to the file (shmem_swapin_folio).
bool keeps_slot(const Engine::State& state, const Extent& swapped) {
    return swapped.mapping->kind() == PageKind::kAnon && !goes_direct(state, swapped) &&
           !swap_full(state, *swapped.memcg);
}

PageState ahead_of(const PageState& asked_for) {
    PageState ahead = asked_for;
    ahead.mapped = 0;
    ahead.young = 0;
    ahead.referenced = false;
    ahead.swap_slot = true;
    ahead.detached = true;
    ahead.readahead = true;
    return ahead;
}

}  // namespace

std::uint64_t swap_window(const Engine::State& state, const Extent& swapped, std::uint64_t index) {
    if (goes_direct(state, swapped)) {
        return 0;
    }
    const Mapping::SwapReadahead& ahead = swapped.mapping->swap_readahead;
    const std::uint64_t most = std::uint64_t{1} << state.machine().vm_page_cluster;
    std::uint64_t pages = 1;
    if (ahead.hits > 0) {
        pages = std::max(std::bit_ceil(ahead.hits + 2), kLeastWindow);
    } else if (index == ahead.last_fault + 1 || index + 1 == ahead.last_fault) {
        pages = 2;
    }
    // It does not shrink at once.
    pages = std::min(std::max(std::min(pages, most), ahead.window / 2), most);
    return std::min(pages, swapped.end() - index);
}

void note_readahead_hits(Engine::State& state, Mapping& mapping, std::uint64_t pages) {
    mapping.swap_readahead.hits += pages;
    state.count(VmEvent::kSwapRaHit, pages);
}

namespace {

/// Reads pages that come back alike: at most range.count from range.first on, where a swapped
/// extent begins. The first `asked` of them take a fault each, the others are read ahead.
std::uint64_t read_part(Engine::State& state, OpContext& op, Mapping& mapping, Engine::Range range,
                        std::uint64_t asked, const SwapFault& fault, Memcg& memcg) {
    PageState page_state = fault.page_state;
    const RefaultPart part = refault(state, mapping, range, memcg, page_state.node);
    apply_refault(part, page_state);
    asked = std::min(asked, part.count);
    commit_charge(state, memcg, Pages{part.count});
    if (!fault.by_khugepaged) {
        memcg.add_stat(StatItem::kPgfault, static_cast<std::int64_t>(asked));
    }
    memcg.add_stat(StatItem::kPgmajfault, static_cast<std::int64_t>(asked));
    Extent* extent = mapping.find(range.first);
    {
        std::optional<PsiMemoryStall> stall;
        if (part.workingset) {
            stall.emplace(state, op);
        }
        spend_swap_read(state, op, *extent, Pages{part.count});
    }
    const PageState ahead = ahead_of(page_state);
    if (asked > 0) {
        page_state.swap_slot = !fault.write && keeps_slot(state, *extent);
        swap_in(state, *extent, asked, memcg, page_state);
    }
    if (asked < part.count) {
        const std::uint64_t rest = part.count - asked;
        swap_in(state, *mapping.find(range.first + asked), rest, memcg, ahead);
        state.count(VmEvent::kSwapRa, rest);
    }
    return part.count;
}

}  // namespace

SwapFaultResult install_swapped(Engine::State& state, OpContext& op, Mapping* mapping,
                                SwapFault fault, Memcg& memcg, PageReservation& pages) {
    const Engine::Range charged = fault.charged;
    Extent* extent = mapping != nullptr ? mapping->find(charged.first) : nullptr;
    if (extent == nullptr || extent->state.where != PageState::Where::kSwapped) {
        cancel_charge(state, memcg, Pages{charged.count});
        return {};
    }
    extent = &mapping->split(*extent, charged.first);
    const std::uint64_t there = std::min(charged.count, extent->count);
    fault.page_state.node = pages.place().node;
    fault.page_state.zone = pages.place().zone;
    pages.use(Pages{there});
    const bool waits = fault.window != 0;
    const std::uint64_t asked = !waits ? there : fault.by_khugepaged ? 0 : 1;
    if (waits && fault.by_khugepaged) {
        memcg.add_stat(StatItem::kPgmajfault, 1);
    }
    for (std::uint64_t read = 0; read < there;) {
        read += read_part(state, op, *mapping, {charged.first + read, there - read},
                          asked - std::min(asked, read), fault, memcg);
    }
    if (there < charged.count) {
        cancel_charge(state, memcg, Pages{charged.count - there});
    }
    if (fault.window != 0) {
        mapping->swap_readahead = {charged.first, fault.window, 0};
    }
    return {asked, there};
}

}  // namespace memcgfs::engine
