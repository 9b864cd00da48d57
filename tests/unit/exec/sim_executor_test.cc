// SPDX-License-Identifier: MIT
#include "memcgfs/exec/sim_executor.h"

#include "fakes.h"
#include "support/catch.hpp"

namespace memcgfs::exec {
namespace {

struct Sim {
    explicit Sim(std::uint64_t seed) : executor(engine_mutex, outbox, clock, seed) {
        handlers.runner = &executor;
    }
    std::vector<std::uint64_t> order;
    Mutex engine_mutex{LockRank::kEngine};
    FakeHandlers handlers;
    Outbox outbox{handlers};
    ManualClock clock;
    SimExecutor executor;
};

std::vector<std::uint64_t> order_of(std::uint64_t seed) {
    Sim sim(seed);
    for (std::uint64_t id = 1; id <= 8; id++) {
        sim.executor.submit(fake(id,
                                 [&sim](FakeOperation& self) {
                                     sim.order.push_back(static_cast<std::uint64_t>(self.id()));
                                     return self.steps < 20 ? yield_step() : done_step();
                                 }),
                            {});
    }
    sim.executor.run_until_idle();
    CHECK(sim.executor.empty());
    CHECK(sim.executor.steps() == 160);
    return sim.order;
}

TEST_CASE("one seed gives one order, another seed another", "[exec]") {
    const auto first = order_of(1);
    CHECK(first == order_of(1));
    CHECK(first != order_of(2));
}

TEST_CASE("virtual time moves only when nothing is runnable", "[exec]") {
    Sim sim(5);
    std::vector<std::int64_t> slept_until;
    for (std::uint64_t id = 1; id <= 50; id++) {
        sim.executor.submit(
            fake(id,
                 [&, id](FakeOperation& self) {
                     if (self.steps == 1) {
                         CHECK(sim.clock.now() == Nanos{0});
                         return sleep_step(Nanos{static_cast<std::int64_t>(1000 - id * 10)});
                     }
                     slept_until.push_back(sim.clock.now().count());
                     return done_step();
                 }),
            {});
    }
    sim.executor.run_until(Nanos{600});
    CHECK(slept_until.size() == 11);  // 500, 510, ..., 600
    CHECK(sim.clock.now() == Nanos{600});
    sim.executor.run_until_idle();
    CHECK(slept_until.size() == 50);
    CHECK(std::is_sorted(slept_until.begin(), slept_until.end()));
    CHECK(sim.clock.now() == Nanos{990});
    CHECK_FALSE(sim.executor.step_one());
}

TEST_CASE("effects of a step are delivered before Done and before the next step", "[exec]") {
    Sim sim(1);
    sim.executor.submit(
        fake(1,
             [&](FakeOperation& self) {
                 sim.outbox.emit(engine::KernelLogEffect{"step"});
                 CHECK(sim.handlers.log.size() == static_cast<std::size_t>(self.steps - 1));
                 self.outcome = Err(Errno::kEINTR);
                 return self.steps < 3 ? yield_step() : done_step();
             }),
        [&](OperationResult result) {
            CHECK(sim.handlers.log.size() == 3);
            CHECK(result.error() == Errno::kEINTR);
            sim.handlers.note("done");
        });
    sim.executor.run_until_idle();
    CHECK(sim.handlers.log.back() == "done");
}

TEST_CASE("spawn and wake effects reach the executor", "[exec]") {
    Sim sim(1);
    bool ready = false;
    std::string history;
    sim.executor.submit(fake(1,
                             [&](FakeOperation&) {
                                 history += ready ? 'R' : 'w';
                                 return ready ? done_step() : wait_step();
                             }),
                        {});
    sim.executor.run_until_idle();
    CHECK(history == "w");
    sim.executor.submit(fake(2,
                             [&](FakeOperation&) {
                                 sim.outbox.emit(engine::SpawnEffect{fake(3, [&](FakeOperation&) {
                                     ready = true;
                                     sim.outbox.emit(engine::WakeEffect{OperationId{1}});
                                     return done_step();
                                 })});
                                 return done_step();
                             }),
                        {});
    sim.executor.run_until_idle();
    CHECK(history == "wR");
    CHECK(sim.executor.empty());
}

TEST_CASE("an interrupt ends a wait, and an unknown id is ignored", "[exec]") {
    Sim sim(1);
    int done = 0;
    sim.executor.submit(
        fake(1, [](FakeOperation& self) { return self.interrupted ? done_step() : wait_step(); }),
        [&](OperationResult) { done++; });
    sim.executor.run_until_idle();
    CHECK(done == 0);
    sim.executor.interrupt(OperationId{99});
    sim.executor.wake(OperationId{99});
    sim.executor.interrupt(OperationId{1});
    sim.executor.run_until_idle();
    CHECK(done == 1);
    sim.executor.interrupt(OperationId{1});
    CHECK_FALSE(sim.executor.step_one());
}

TEST_CASE("what is left at the end is cancelled", "[exec]") {
    int cancelled = 0;
    {
        Sim sim(1);
        for (std::uint64_t id = 1; id <= 3; id++) {
            sim.executor.submit(fake(id, [](FakeOperation&) { return wait_step(); }),
                                [&](OperationResult result) {
                                    cancelled += result.error() == Errno::kECANCELED ? 1 : 0;
                                });
        }
        sim.executor.step_one();
    }
    CHECK(cancelled == 3);
}

}  // namespace
}  // namespace memcgfs::exec
