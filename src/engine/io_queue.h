// SPDX-License-Identifier: MIT
//
// Pages on their way to a device, which writes them one after another at its speed.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/engine.h"

namespace memcgfs::engine {

struct OpContext;

/// Pages of one mapping that are being written, and when they will have been.
struct WriteRequest {
    MappingId mapping;
    Engine::Range range;
    Nanos done{};
};

/// One device's writes, in the order in which they end.
struct IoQueue {
    std::deque<WriteRequest> requests;
    Nanos busy_until{};
    /// Handed over but not begun: the device gets them together (blk_plug).
    std::vector<WriteRequest> plugged;
    Pages plugged_pages{};
};

/// Pages that end together: what a reader may see of a long write is no coarser.
inline constexpr std::uint64_t kWriteChunk = 256;

/// Where an operation's own modelled time has got to.
Nanos time_of(const OpContext& op);

/// Starts writing pages that are not being written; `per_page` is the device's time for one.
/// `chunk` pages end together. The caller has given them the writeback state.
void submit_write(Engine::State& state, IoQueue& queue, const WriteRequest& pages, Nanos now,
                  Nanos per_page, std::uint64_t chunk = kWriteChunk);

/// The same for pages that reclaim writes to swap: they wait for each other in the plug of `device`
/// until unplug_swap(), or until they make up the longest request there is.
void plug_swap_write(Engine::State& state, std::uint8_t device, const WriteRequest& pages,
                     Nanos now);

/// Begins all writes that wait in plugs; they end together.
void unplug_swap(Engine::State& state, Nanos now);

/// Ends the writes that are over by `now`. No extent is isolated.
void settle_io(Engine::State& state, Nanos now);

/// When the next write of any queue ends, or `otherwise` if nothing is being written.
Nanos next_write_end(const Engine::State& state, Nanos otherwise);

}  // namespace memcgfs::engine
