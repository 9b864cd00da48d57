// SPDX-License-Identifier: MIT
//
// Bodies of the operations behind limit files, memory.reclaim and force_empty. The caller keeps
// the memcg pinned for as long as the operation exists.
#pragma once

#include <optional>

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct LimitRequest {
    CounterKind kind = CounterKind::kMemory;  ///< kMemory or kMemsw
    Pages max{};
};

struct ProactiveRequest {
    Pages pages{};
    std::optional<std::uint64_t> swappiness{};
};

/// What needs no reclaim is over at once, true then; else nothing has happened.
bool resize_limit_at_once(Engine::State& state, Memcg& memcg, LimitRequest request);
/// The same for memory.max and memory.high of v2.
bool set_at_once(Engine::State& state, Memcg& memcg, void (PageCounter::*set)(Pages), Pages value);

Coro<OperationResult> resize_limit(Engine::State& state, OpContext& op, Memcg& memcg,
                                   LimitRequest request);
Coro<OperationResult> write_memory_max(Engine::State& state, OpContext& op, Memcg& memcg,
                                       Pages max);
Coro<OperationResult> write_memory_high(Engine::State& state, OpContext& op, Memcg& memcg,
                                        Pages high);
Coro<OperationResult> write_memory_reclaim(Engine::State& state, OpContext& op, Memcg& memcg,
                                           ProactiveRequest proactive);
Coro<OperationResult> write_force_empty(Engine::State& state, OpContext& op, Memcg& memcg);

}  // namespace memcgfs::engine
