// SPDX-License-Identifier: MIT
//
// Accesses to pages that are in memory (mm/memory.c, mm/swap.c, 6.1).
#pragma once

#include "engine/fault.h"

namespace memcgfs::engine {

/// Pages that one step handles when nothing limits it: a root task, resident pages.
inline constexpr std::uint64_t kFreeStep = 512;

/// Accesses resident pages from `index` on, at most `limit` and within the extent; returns how
/// many. The extent may be gone afterwards.
std::uint64_t access_resident(Engine::State& state, OpContext& op, Extent& resident,
                              std::uint64_t index, std::uint64_t limit,
                              const AccessRequest& request);

}  // namespace memcgfs::engine
