// SPDX-License-Identifier: MIT
//
// Huge pages given up in part (deferred_split_folio, mm/huge_memory.c, 6.1 and 6.12; facts measured
// on both).
//
// Such a page stays whole in memory, charged and on its list, until reclaim or a shrinker splits
// it, which frees what nobody maps; or until nothing of it is mapped.
#pragma once

#include <vector>

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// How far behind its parts' places a torn huge page's extent is: behind the
/// last page that there can be.
inline constexpr std::uint64_t kTornOffset = std::uint64_t{1} << 53U;

/// Tears the first or the last huge page of a listed extent that `range`, which lies in it, cuts.
/// One that has slots or may be freed lazily is split instead. True: look the extent up again.
bool tear_cut_huge(Engine::State& state, Extent& extent, Engine::Range range);

/// A part is given up; with the last one, the huge page goes.
void free_part(Engine::State& state, Extent& part);

/// The task whose bit is `user` accesses pages of a part from the range's beginning on; how many.
std::uint64_t access_part(Extent& part, std::uint8_t user, Engine::Range range);

/// Clears the marks of those users of `seen` who have used parts of a torn page; the bits of those
/// who had.
std::uint8_t take_young(const Extent& torn, std::uint8_t seen);

/// How many pages of the torn huge page at `first` are mapped.
Pages parts_of(Mapping& mapping, std::uint64_t first);

/// Splits a torn page that is on no list; its parts, now pages like others, are on none either.
std::vector<Extent*> split_isolated_torn(Engine::State& state, Extent& torn);

/// Splits the first torn page of a listed extent; its parts take its place on the list.
void split_torn(Engine::State& state, Extent& torn);
void split_all_torn(Engine::State& state, Mapping& mapping);
/// Splits the torn huge page that the extent is a part of. True: look the extent up again.
bool split_if_part(Engine::State& state, Extent& extent);

}  // namespace memcgfs::engine
