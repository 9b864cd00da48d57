// SPDX-License-Identifier: MIT
//
// The tests' way inside the engine: checkers read its state, canaries damage it.
#pragma once

#include <cstdint>

#include "engine/state.h"
#include "memcgfs/engine/engine.h"

namespace memcgfs::engine {

struct EngineAccess {
    static Engine::State& state(Engine& engine) { return *engine.state_; }
    static Pages& watermark(PageCounter& counter) { return counter.watermark_; }
    static std::uint64_t& event_total(Memcg& memcg, MemcgEvent event) {
        return memcg.counts().events_total[Memcg::index(event)];
    }
};

}  // namespace memcgfs::engine
