// SPDX-License-Identifier: MIT
//
// Charges of page faults, and of who else brings pages of tasks.
#pragma once

#include <utility>

#include "engine/charge.h"

namespace memcgfs::engine {

/// Pages charged to a memcg so far. They are given back if the operation ends before it has the
/// rest.
class HeldCharge {
public:
    HeldCharge(Engine::State& state, Memcg& memcg) : state_(state), memcg_(memcg) {}
    ~HeldCharge() {
        if (const std::uint64_t pages = release(); pages > 0) {
            cancel_charge(state_, memcg_, Pages{pages});
        }
    }
    HeldCharge(const HeldCharge&) = delete;
    HeldCharge& operator=(const HeldCharge&) = delete;
    std::uint64_t pages() const { return pages_; }
    void add(std::uint64_t pages) {
        memcg_.in_flight += counted(pages);
        pages_ += pages;
    }
    std::uint64_t release() {
        memcg_.in_flight -= counted(pages_);
        return std::exchange(pages_, 0);
    }

private:
    Pages counted(std::uint64_t pages) const { return Pages{memcg_.is_root() ? 0 : pages}; }

    Engine::State& state_;
    Memcg& memcg_;
    std::uint64_t pages_ = 0;
};

/// Charges from 1 to `wanted` pages, one fault's or, `together`, as many of one read from swap as
/// it can. The memcg is pinned by the caller. ENOMEM: there is no room for the first one.
Coro<Result<std::uint64_t>> charge_fault(Engine::State& state, OpContext& op, Memcg& memcg,
                                         std::uint64_t wanted, bool together);

}  // namespace memcgfs::engine
