// SPDX-License-Identifier: MIT
//
// memory.pressure_level: how hard reclaim is for a group (mm/vmpressure.c, 6.1; spec 8.3).
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// A pass of reclaim on behalf of `memcg`. A full window queues the worker that tells listeners.
void vmpressure(Engine::State& state, Memcg& memcg, Pages scanned, Pages reclaimed);

/// Reclaim begins a pass at `priority`: a low one is critical pressure whatever it will free.
void vmpressure_prio(Engine::State& state, Memcg& memcg, unsigned priority);

}  // namespace memcgfs::engine
