// SPDX-License-Identifier: MIT
//
// What programs tell about pages they have: madvise, fadvise, mlock (mm/madvise.c, mm/fadvise.c,
// mm/mlock.c, mm/swap.c, 6.1; spec engine.md 3.1).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct AdviceRequest {
    MappingId mapping;
    Engine::Range range;
    Advice advice = Advice::kCold;
};

/// madvise(2) by one of the mapping's users; the pages it acted on, or an errno.
Coro<OperationResult> advise_pages(Engine::State& state, OpContext& op, AdviceRequest request);

/// MADV_PAGEOUT over a range: the pages freed.
Coro<std::uint64_t> pageout_range(Engine::State& state, OpContext& op, MappingId id,
                                  Engine::Range range);

/// Frees the pages of a range, in memory or in swap, and forgets those that were evicted
/// (truncate_inode_pages_range).
void free_range(Engine::State& state, Mapping& mapping, Engine::Range range);

void lock_pages(Engine::State& state, Mapping& mapping);
void unlock_pages(Engine::State& state, Mapping& mapping);

/// Drops what is clean and not mapped of page cache, deactivates the rest, forgets what was evicted
/// (invalidate_mapping_pages, mm/truncate.c, 6.1).
Pages drop_clean_pages(Engine::State& state, Mapping& mapping);
void drop_all_dentries(Engine::State& state);
/// 1 or 2 or both into /proc/sys/vm/drop_caches: one mapping after another, then all dentries. The
/// pages of page cache dropped.
Coro<OperationResult> drop_caches(Engine::State& state, OpContext& op, Engine::Caches which);

/// POSIX_FADV_DONTNEED: starts writing what is dirty, drops what is clean and not mapped.
Pages write_and_drop(Engine::State& state, Mapping& mapping, Nanos now);

}  // namespace memcgfs::engine
