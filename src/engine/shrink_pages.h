// SPDX-License-Identifier: MIT
//
// What becomes of pages that reclaim has taken off a list (shrink_folio_list, mm/vmscan.c, 6.1;
// spec engine.md 3.6).
#pragma once

#include "engine/operation.h"
#include "engine/reclaim.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct ShrinkResult {
    Pages freed{};
    Pages written{};         ///< to swap, by this scan
    Pages dirty{};           ///< file pages that were dirty or being written
    Pages unqueued_dirty{};  ///< of those: that nobody writes yet
    Pages congested{};       ///< of those: being written since an earlier scan
    ShrinkResult& operator+=(const ShrinkResult& other);
};

/// Decides over one isolated extent of equal pages: freed, or back on a list.
ShrinkResult shrink_extent(Engine::State& state, OpContext& op, const ScanControl& control,
                           Extent& extent);

/// The users of a mapping whose references count for this reclaim: those below its root.
std::uint8_t users_in(const Engine::State& state, const Mapping& mapping,
                      const ScanControl& control);

/// False for v1 limit reclaim, which has to wait for writeback itself.
bool writeback_throttling_sane(const Engine::State& state, const ScanControl& control);

}  // namespace memcgfs::engine
