// SPDX-License-Identifier: MIT
#include "engine/stat_flush.h"

namespace memcgfs::engine {

namespace {

constexpr Nanos kFlushPeriod = from_millis(2000);  // FLUSH_TIME

/// All groups at once: what has been kept is of an earlier epoch.
void flush_all(Engine::State& state) {
    if (state.profile().stat_flush != StatFlush::kNever) {
        state.stat_epoch++;
    }
}

}  // namespace

std::int64_t lruvec_page_state(const Engine::State& state, const Memcg& memcg, NodeId node,
                               StatItem item) {
    return memcg.flushed_in != 0 && memcg.flushed_in == state.stat_epoch
               ? memcg.flushed_stat(node, item)
               : memcg.node_stat_total(node, item);
}

void flush_subtree(Engine::State& state, Memcg& memcg) {
    if (memcg.is_root()) {
        flush_all(state);
        return;
    }
    if (memcg.flushed_in != state.stat_epoch) {
        return;  // nothing has changed here, so nothing has below
    }
    for (Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        level->flushed_in = 0;
    }
}

void flush_stats(Engine::State& state, Memcg& memcg) {
    if (state.profile().stat_flush == StatFlush::kWhole) {
        flush_all(state);
    } else {
        flush_subtree(state, memcg);
    }
}

void flush_for_reclaim(Engine::State& state) {
    if (state.profile().stat_flush == StatFlush::kWhole) {
        flush_all(state);
    }
}

void flush_if_due(Engine::State& state, Nanos now) {
    if (now >= state.next_stat_flush) {
        state.next_stat_flush = now + kFlushPeriod;
        flush_all(state);
    }
}

}  // namespace memcgfs::engine
