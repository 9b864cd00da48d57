// SPDX-License-Identifier: MIT
//
// swapon and swapoff (mm/swapfile.c, 6.1; spec engine.md 3.7).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// Body of Engine::swapon.
Result<std::uint32_t> add_swap_device(Engine::State& state, const SwapDevice& device);

/// Body of Engine::swapoff.
Coro<OperationResult> empty_swap_device(Engine::State& state, OpContext& op, std::uint32_t device);

}  // namespace memcgfs::engine
