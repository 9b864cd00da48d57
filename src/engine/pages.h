// SPDX-License-Identifier: MIT
//
// What happens to pages: they become resident, go to swap, come back, are freed. Statistics,
// lists and counters change together here and nowhere else.
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Who pays for what swap still has of resident pages; nullptr: nothing, or nobody.
struct SwapOwners {
    Memcg* slot = nullptr;
    Memcg* zswap = nullptr;
};

/// New resident pages of `mapping`, already charged to `memcg` and allocated (the reservation's
/// use() has just been called) where `page_state` says, at the head of the list that
/// `page_state` names.
void add_resident(Engine::State& state, Mapping& mapping, Engine::Range range, Memcg& memcg,
                  const PageState& page_state, SwapOwners owners = {});

/// A resident extent on a list moves to other pages, allocated like those of add_resident
/// (migrate_pages). Its charge moves along: counters do not change.
void move_pages(Engine::State& state, Extent& extent, PagePlace place);

/// Takes a resident extent's pages off all numbers; their page frames are free again.
void drop_from_memory(Engine::State& state, Extent& extent);

/// Frees resident or swapped pages and uncharges them. The extent is gone afterwards.
void free_extent(Engine::State& state, Extent& extent);

/// The same for a resident extent that reclaim has isolated (it is on no list).
void free_isolated(Engine::State& state, Extent& extent);

/// Frees every page of the mapping.
void free_all_pages(Engine::State& state, Mapping& mapping);

/// Turns the first `count` pages of a swapped extent, charged to `memcg` by the caller, into
/// resident ones (do_swap_page). `keep_slot`: a read leaves the slot to the page.
void swap_in(Engine::State& state, Extent& extent, std::uint64_t count, Memcg& memcg,
             PageState page_state);

/// The pages, already charged to `to`, are `to`'s from now on, at the head of the same list; the
/// counters of the old owner are the caller's affair (mem_cgroup_move_account). The extent may be
/// gone afterwards.
void move_resident(Engine::State& state, Extent& extent, Memcg& to);

/// The same for the slots of a swapped extent.
void move_swapped(Extent& extent, Memcg& to);

/// Reclaim is about to take the pages out of the page tables that map them (try_to_unmap): the time
/// that takes, for each page and each of the users told apart.
void spend_unmap(const Engine::State& state, OpContext& op, const Extent& extent);

/// Gives up the slots of a resident extent (it was written to).
void free_swap_slots(Engine::State& state, Extent& extent);

/// True when freed slots are worth more than a clean copy (vm_swap_full, mem_cgroup_swap_full).
bool swap_full(const Engine::State& state, const Memcg& memcg);

/// Swap slots that pages of `memcg` may still get.
Pages reachable_swap(const Engine::State& state, const Memcg& memcg);

/// The group itself, or the nearest ancestor that has not been removed.
Memcg& online_memcg(Memcg& memcg);

}  // namespace memcgfs::engine
