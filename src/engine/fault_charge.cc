// SPDX-License-Identifier: MIT
#include "engine/fault_charge.h"

#include <algorithm>

#include "engine/resident_access.h"

namespace memcgfs::engine {

namespace {

/// Charges between 1 and `wanted` pages: as many as the stock has, else one the long way.
Coro<Result<std::uint64_t>> charge_some(Engine::State& state, OpContext& op, Memcg& memcg,
                                        std::uint64_t wanted) {
    if (memcg.is_root()) {
        co_return std::min(wanted, kFreeStep);
    }
    const Pages ready = std::min(Pages{wanted}, stocked(state, op.cpu, memcg));
    if (ready > Pages{0}) {
        consume_stock(state, op.cpu, memcg, ready);
        co_return ready.count();
    }
    if (state.fault(FaultSite::kChargeFails)) {
        co_return Err(Errno::kENOMEM);
    }
    const ChargeRequest request{.memcg = memcg};
    const Result<void> result = co_await try_charge(state, op, request);
    if (!result.ok()) {
        co_return Err(result.error());
    }
    co_return std::uint64_t{1};
}

}  // namespace

Coro<Result<std::uint64_t>> charge_fault(Engine::State& state, OpContext& op, Memcg& memcg,
                                         std::uint64_t wanted, bool together) {
    HeldCharge held(state, memcg);
    while (held.pages() == 0 || (together && held.pages() < wanted)) {
        const Result<std::uint64_t> more =
            co_await charge_some(state, op, memcg, wanted - held.pages());
        if (!more.ok() && held.pages() == 0) {
            co_return Err(more.error());
        }
        if (!more.ok()) {
            break;
        }
        held.add(*more);
    }
    co_return held.release();
}

}  // namespace memcgfs::engine
