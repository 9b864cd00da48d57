// SPDX-License-Identifier: MIT
//
// swapon and swapoff (mm/swapfile.c, 6.1; spec engine.md 3.7).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Gives a device that has no path the one that goes with its number.
void name_swap_device(SwapDevice& device, std::size_t number);

/// Body of Engine::swapon.
Result<std::uint32_t> add_swap_device(Engine::State& state, SwapDevice device);

/// Body of Engine::swapoff.
Coro<OperationResult> empty_swap_device(Engine::State& state, OpContext& op, std::uint32_t device);

}  // namespace memcgfs::engine
