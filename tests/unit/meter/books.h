// SPDX-License-Identifier: MIT
//
// An engine with a group and a process in it, and the books of that.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "memcgfs/meter/ledger.h"
#include "support/catch.hpp"
#include "support/engine_fixture.h"

namespace memcgfs::meter {

using test::mib;

inline constexpr std::int32_t kParent = 100;
inline constexpr std::int32_t kChild = 200;

/// A v2 group with one process, whose books are open.
struct Books {
    explicit Books(Pages anon = Pages{0}, engine::Machine machine = test::roomy_machine())
        : f("6.1", engine::Layout::kV2, machine), group(f.make_memory(f.root(), "a")) {
        f.add_task(group);
        REQUIRE(ledger.open(kParent, anon).ok());
    }
    /// A look, and what follows from it. False: the payment failed.
    bool look(std::int32_t pid, std::uint64_t anon) {
        auto payment = ledger.sampled(pid, Pages{anon});
        if (payment == nullptr) {
            return true;
        }
        return settle(pid, std::move(payment)).ok();
    }
    OperationResult settle(std::int32_t pid, std::unique_ptr<Operation> payment) {
        const OperationId id = payment->id();
        const OperationResult result =
            payment->finished() ? payment->result() : f.run(std::move(payment));
        ledger.settled(pid, id, result);
        return result;
    }
    /// Anonymous pages alone: page tables are charged, too.
    std::uint64_t charged() const {
        return static_cast<std::uint64_t>(group.memcg->stat_total(engine::StatItem::kAnon));
    }

    /// A thread begins, and its stack is charged or not.
    void begin(std::int32_t pid, std::int32_t tid) {
        if (auto operation = ledger.thread_begins(pid, tid)) {
            ledger.stack_settled(pid, tid, f.run(std::move(operation)));
        }
    }
    std::int64_t stacks() const { return group.memcg->stat_total(engine::StatItem::kKernelStack); }

    test::EngineFixture f;
    engine::Cgroup& group;
    Mutex mutex{LockRank::kEngine};
    Ledger ledger{f.engine, mutex};
};

}  // namespace memcgfs::meter
