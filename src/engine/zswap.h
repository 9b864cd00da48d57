// SPDX-License-Identifier: MIT
//
// Compressed pages that stay in memory instead of going to their swap slots (mm/zswap.c, 6.1 and
// 6.12; spec engine.md 3.8).
//
// An extent whose `zswap_owner` is set has its pages in the pool: a swapped one, or, up to 6.6, a
// resident one that has been read from there and still owns its slots. All pages compress to one
// size, the machine's. The owner pays for them with whole pages, the kernel's byte-wise stock left
// out. In v1 nobody pays.
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Bytes that a page takes once compressed.
std::uint64_t zswap_page_bytes(const Engine::State& state);
/// All pages that go to swap are zero: a bit is enough for them, and no write (6.12).
bool swaps_zero_pages(const Engine::State& state);
Pages zswap_pool_pages(const Engine::State& state);

/// Offers one page, which has a slot and is about to go out, to the pool (zswap_store). One that
/// is refused has to be written to the device, if zswap_writeback_allowed().
bool zswap_store(Engine::State& state, OpContext& op, Extent& page, Memcg& owner);

/// The extent's pages, if they are in the pool, are not any more (zswap_invalidate).
void zswap_forget(Engine::State& state, Extent& extent);

/// `pages` are read from the pool into memory.
void count_zswpin(Engine::State& state, Memcg& owner, Pages pages);

/// memory.zswap.writeback of the group and all above it; with zswap off it forbids nothing.
bool zswap_writeback_allowed(const Engine::State& state, const Memcg& memcg);

/// A removed group's entries are its parent's from now on (memcg_reparent_objcgs).
void reparent_zswap(Engine::State& state, Memcg& memcg);

}  // namespace memcgfs::engine
