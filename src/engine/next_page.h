// SPDX-License-Identifier: MIT
//
// The commonest page fault, in one go: a task writes to the page behind the one that it wrote last.
#pragma once

#include <cstdint>

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

/// The page at `index`, which is absent, is written to by op.task. If it is anonymous memory and
/// all of the same kind as the page before, which is its list's youngest, and this CPU's stock
/// pays for it, then it is put there as any other way would, with one look at each counter. False:
/// nothing has happened, and another way must do it.
bool put_next_page(Engine::State& state, OpContext& op, Memcg& memcg, Mapping& mapping,
                   std::uint64_t index);

}  // namespace memcgfs::engine
