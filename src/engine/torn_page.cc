// SPDX-License-Identifier: MIT
#include "engine/torn_page.h"

#include <algorithm>

#include "engine/huge_page.h"
#include "engine/page_state.h"
#include "engine/pages.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

using Where = PageState::Where;

/// Calls visit(part) for each part of the torn page at `first`, the lowest first. It may erase it.
template <class Visit>
void for_each_part(Mapping& mapping, std::uint64_t first, Visit visit) {
    const std::uint64_t end = first - kTornOffset + kHugePages;
    std::uint64_t index = first - kTornOffset;
    while (Extent* extent = mapping.next(index)) {
        if (extent->first >= end) {
            return;
        }
        index = extent->end();
        if (extent->state.where == Where::kPart) {
            visit(*extent);
        }
    }
}

/// All of one listed huge page is mapped by small entries now, and on its way to be torn.
void tear(Engine::State& state, Extent& holder, Engine::Range block) {
    Extent& page = carve(holder, block);
    Mapping& mapping = *page.mapping;
    PageState part;
    part.where = Where::kPart;
    part.mapped = page.state.mapped;
    part.young = page.state.young;
    part.node = page.state.node;
    PageState torn = page.state;
    torn.huge = false;
    torn.torn = true;
    torn.mapped = 0;
    torn.young = 0;
    change_isolated(page, torn);
    mapping.move(page, block.first + kTornOffset);
    mapping.insert(block.first, block.count, page.memcg, part);
    count_pages(*page.memcg, mapping, part, static_cast<std::int64_t>(block.count));
    state.torn_pages.add(page.memcg->id(), {mapping.id(), page.first});
    state.count(VmEvent::kThpSplitPmd, 1);
    state.count(VmEvent::kThpDeferredSplitPage, 1);
}

/// Turns the parts into pages of their own, on no list yet.
std::vector<Extent*> free_parts(Extent& torn) {
    PageState page_state = torn.state;
    page_state.torn = false;
    std::vector<Extent*> pages;
    for_each_part(*torn.mapping, torn.first, [&](Extent& part) {
        page_state.mapped = part.state.mapped;
        page_state.young = part.state.young;
        part.state = page_state;  // counted as before
        pages.push_back(&part);
    });
    return pages;
}

/// What is left of a torn page without its parts, on no list, is free.
void free_rest(Engine::State& state, Extent& torn, const std::vector<Extent*>& parts) {
    Memcg& memcg = *torn.memcg;
    state.torn_pages.remove(memcg.id(), {torn.mapping->id(), torn.first});
    for (const Extent* part : parts) {
        torn.count -= part->count;
    }
    const Pages rest{torn.count};
    drop_from_memory(state, torn);
    torn.mapping->erase(torn);
    state.count(VmEvent::kThpSplitPage, 1);
    state.uncharge_memory(memcg, rest, rest.count());
}

}  // namespace

bool tear_cut_huge(Engine::State& state, Extent& extent, Engine::Range range) {
    if (!extent.state.huge || extent.state.detached || extent.state.lazyfree) {
        return split_cut_huge(state, extent, range);
    }
    const Engine::Range whole = whole_huge(*extent.mapping, range);
    if (whole.first < range.first) {
        tear(state, extent, {whole.first, kHugePages});
        return true;
    }
    if (whole.count > range.count) {
        tear(state, extent, {whole.first + whole.count - kHugePages, kHugePages});
        return true;
    }
    return false;
}

void free_part(Engine::State& state, Extent& part) {
    Mapping& mapping = *part.mapping;
    count_pages(*part.memcg, mapping, part.state, -static_cast<std::int64_t>(part.count));
    const std::uint64_t first = part.first - mapping.huge_offset(part.first) + kTornOffset;
    mapping.erase(part);
    if (parts_of(mapping, first) > Pages{0}) {
        return;
    }
    Extent& torn = carve(*mapping.find(first), {first, kHugePages});
    state.torn_pages.remove(torn.memcg->id(), {mapping.id(), first});
    free_extent(state, torn);
}

std::uint64_t access_part(Extent& part, std::uint8_t user, Engine::Range range) {
    const std::uint64_t count = std::min(part.end() - range.first, range.count);
    if ((part.state.mapped & user) == 0) {
        part.memcg->add_stat(StatItem::kPgfault, static_cast<std::int64_t>(count));
    }
    PageState next = part.state;
    next.mapped |= user;
    next.young |= user;
    if (next != part.state) {
        carve(part, {range.first, count}).state = next;
    }
    return count;
}

std::uint8_t take_young(const Extent& torn, std::uint8_t seen) {
    unsigned users = 0;
    for (std::uint64_t first = torn.first; first < torn.end(); first += kHugePages) {
        for_each_part(*torn.mapping, first, [&](Extent& part) {
            users |= part.state.young & seen;
            part.state.young = static_cast<std::uint8_t>(part.state.young & ~seen);
        });
    }
    return static_cast<std::uint8_t>(users);
}

Pages parts_of(Mapping& mapping, std::uint64_t first) {
    Pages mapped{};
    for_each_part(mapping, first, [&](const Extent& part) { mapped += Pages{part.count}; });
    return mapped;
}

std::vector<Extent*> split_isolated_torn(Engine::State& state, Extent& torn) {
    MEMCGFS_ASSERT(torn.state.torn && torn.count == kHugePages);
    std::vector<Extent*> parts = free_parts(torn);
    free_rest(state, torn, parts);
    return parts;
}

void split_torn(Engine::State& state, Extent& torn) {
    Extent& page = carve(torn, {torn.first, kHugePages});
    Lruvec& lruvec = page.memcg->lruvec(page.state.node);
    Mapping& mapping = *page.mapping;
    const std::vector<Extent*> parts = free_parts(page);
    std::vector<std::uint64_t> places;
    Extent* below = &page;
    for (Extent* part : parts) {
        state.lru_add_above(*below, *part);
        below = part;
        places.push_back(part->first);
    }
    state.lru_remove(page);
    free_rest(state, page, parts);
    for (const std::uint64_t place : places) {
        lruvec.coalesce(*mapping.find(place));
    }
}

void split_all_torn(Engine::State& state, Mapping& mapping) {
    while (Extent* torn = mapping.next(kTornOffset)) {
        split_torn(state, *torn);
    }
}

bool split_if_part(Engine::State& state, Extent& extent) {
    if (extent.state.where != Where::kPart) {
        return false;
    }
    Mapping& mapping = *extent.mapping;
    const std::uint64_t first = extent.first - mapping.huge_offset(extent.first) + kTornOffset;
    split_torn(state, carve(*mapping.find(first), {first, kHugePages}));
    return true;
}

}  // namespace memcgfs::engine
