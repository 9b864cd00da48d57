// SPDX-License-Identifier: MIT
//
// Changes of what pages are: dirty, mapped, active. Numbers and lists follow.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// Adds `pages` (or takes them away) to every number that pages in this state count in.
void count_pages(Memcg& memcg, Mapping& mapping, const PageState& page_state, std::int64_t pages);

/// The extent of exactly these pages, which `holder` holds and which are on a list.
Extent& carve(Extent& holder, Engine::Range range);

/// Gives the pages of a resident extent another state; those that change lists go to the new
/// one's head. Returns the extent that holds them.
Extent& change_pages(Engine::State& state, Extent& extent, const PageState& next);

/// The same for an extent that is on no list, and stays so.
void change_isolated(Extent& extent, const PageState& next);

/// Moves the pages to the tail of their inactive list, inactive or not (folio_rotate_reclaimable).
void rotate_to_tail(Engine::State& state, Extent& extent);

/// mark_page_accessed on pages that are to be in state `next`: the second access makes inactive
/// pages active.
Extent& access_pages_as(Engine::State& state, Extent& extent, PageState next);

/// The bits in `gone` leave the page tables; where one was young, a file's page has been used
/// (zap_pte_range).
void unmap_users(Engine::State& state, Mapping& mapping, std::uint8_t gone);

constexpr bool is_active(LruList list) {
    return list == LruList::kActiveAnon || list == LruList::kActiveFile;
}
constexpr bool is_file(LruList list) {
    return list == LruList::kInactiveFile || list == LruList::kActiveFile;
}
constexpr LruList active_of(LruList list) {
    return is_file(list) ? LruList::kActiveFile : LruList::kActiveAnon;
}
constexpr LruList inactive_of(LruList list) {
    return is_file(list) ? LruList::kInactiveFile : LruList::kInactiveAnon;
}

}  // namespace memcgfs::engine
