// SPDX-License-Identifier: MIT
//
// Swap devices' slots, and the way of pages out to them (mm/swapfile.c, mm/vmscan.c, 6.1; spec
// engine.md 3.7).
//
// A page that is written to a device that takes its time stays in memory, in the swap cache, until
// reclaim meets it again; on a synchronous device it goes at once.
#pragma once

#include <optional>
#include <vector>

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct SlotGrant {
    std::uint8_t device = 0;
    Pages pages{};
};

/// Takes at most `wanted` slots of one device; at least one is free.
SlotGrant take_slots(Engine::State& state, Pages wanted);
/// The same, all of them side by side; nullopt: no device has so many.
std::optional<SlotGrant> take_slot_cluster(Engine::State& state, Pages wanted);
void give_slots(Engine::State& state, std::uint8_t device, Pages pages);

struct SwapOutcome {
    Pages freed{};                ///< out of memory
    Pages written{};              ///< writes that this call has started
    std::vector<Extent*> kept{};  ///< got no slot, or may not be written: resident, on no list
};

/// Sends an isolated anonymous or shmem extent to swap as far as slots go, on behalf of
/// `evictor`. Pages being written are back on their list. The extent passed is gone afterwards,
/// unless it is kept. Pages that get slots are unmapped. A huge page, passed alone, goes whole
/// where there is a cluster of slots for it, else its small ones go.
SwapOutcome swap_out(Engine::State& state, OpContext& op, Extent& extent, Memcg& evictor);

/// Books the time that reading the first `pages` of a swapped extent takes.
void spend_swap_read(Engine::State& state, OpContext& op, const Extent& extent, Pages pages);

}  // namespace memcgfs::engine
