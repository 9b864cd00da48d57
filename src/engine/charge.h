// SPDX-License-Identifier: MIT
//
// Charging pages to a group (try_charge_memcg, mm/memcontrol.c, 6.1; spec engine.md 2).
#pragma once

#include "engine/operation.h"
#include "engine/state.h"

namespace memcgfs::engine {

struct ChargeRequest {
    Memcg& memcg;
    Pages pages{1};
    ChargeClass klass = ChargeClass::kUser;
};

/// Takes `pages` from this CPU's stock of `memcg`; false if there are not enough.
bool consume_stock(Engine::State& state, std::uint32_t cpu, Memcg& memcg, Pages pages);
/// Gives pages that were charged to `memcg` to this CPU's stock (refill_stock).
void refill_stock(Engine::State& state, std::uint32_t cpu, Memcg& memcg, Pages pages);
/// Charges a batch into this CPU's empty stock of `memcg`, if that is all there is to do: no level
/// comes to its limit or over a mark. False: nothing has happened, take try_charge().
bool fill_stock_at_once(Engine::State& state, const OpContext& op, Memcg& memcg);
/// How many pages the stock of this CPU holds for `memcg`.
Pages stocked(const Engine::State& state, std::uint32_t cpu, const Memcg& memcg);
/// Gives the stocks back that belong to `root`'s subtree (drain_all_stock).
void drain_all_stock(Engine::State& state, const Memcg& root);

/// Charges, or ENOMEM. The memcg is pinned meanwhile. A root charge counts nothing.
Coro<Result<void>> try_charge(Engine::State& state, OpContext& op, ChargeRequest request);

/// Gives back a charge that no page was made for.
void cancel_charge(Engine::State& state, Memcg& memcg, Pages pages);

/// Counts pages that a page's owner has newly got (commit_charge).
void commit_charge(Engine::State& state, Memcg& memcg, Pages pages);
/// The same for one huge page.
void commit_huge_charge(Engine::State& state, Memcg& memcg);

}  // namespace memcgfs::engine
