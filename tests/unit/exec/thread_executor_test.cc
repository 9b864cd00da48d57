// SPDX-License-Identifier: MIT
#include "memcgfs/exec/thread_executor.h"

#include <array>
#include <atomic>
#include <latch>
#include <thread>

#include "fakes.h"
#include "memcgfs/exec/system_clock.h"
#include "support/catch.hpp"

namespace memcgfs::exec {
namespace {

struct Live {
    explicit Live(unsigned threads = 2) : executor(engine_mutex, outbox, clock, threads) {
        handlers.runner = &executor;
    }
    Mutex engine_mutex{LockRank::kEngine};
    FakeHandlers handlers;
    Outbox outbox{handlers};
    SystemClock clock;
    ThreadExecutor executor;
};

TEST_CASE("operations run to their end and answer once, after their effects", "[exec]") {
    constexpr std::uint64_t kOperations = 200;
    std::atomic<std::uint64_t> sum = 0;
    std::atomic<bool> effects_late = false;
    std::atomic<int> destroyed = 0;
    std::latch all_done(kOperations);
    Live live(3);
    std::vector<std::atomic<bool>> delivered(kOperations + 1);
    live.handlers.at_note = [&](const std::string& text) {
        delivered[std::stoul(text.substr(5))] = true;
    };
    for (std::uint64_t id = 1; id <= kOperations; id++) {
        auto operation = fake(id, [&live](FakeOperation& self) {
            if (self.steps < 5) {
                return yield_step();
            }
            const auto number = static_cast<std::uint64_t>(self.id());
            live.outbox.emit(engine::KillEffect{static_cast<std::int32_t>(number), ""});
            self.outcome = number;
            return done_step();
        });
        operation->at_end = [&] { destroyed++; };
        live.executor.submit(std::move(operation), [&, id](OperationResult result) {
            effects_late = effects_late || !delivered[id];
            sum += *result;
            all_done.count_down();
        });
    }
    all_done.wait();
    CHECK(sum == kOperations * (kOperations + 1) / 2);
    CHECK(destroyed == kOperations);
    CHECK_FALSE(effects_late);
}

TEST_CASE("no wake-up is lost", "[exec]") {
    // Consumers wait for tokens that a producer hands out one at a time; a lost wake-up leaves a
    // consumer waiting for ever and the test without an end.
    constexpr std::uint64_t kConsumers = 8;
    constexpr int kTokens = 1000;
    std::latch all_done(kConsumers);
    int tokens[kConsumers] = {};
    int taken[kConsumers] = {};
    Live live;
    for (std::uint64_t at = 0; at < kConsumers; at++) {
        live.executor.submit(fake(at + 1,
                                  [&, at](FakeOperation&) {
                                      if (tokens[at] == 0) {
                                          return wait_step();
                                      }
                                      tokens[at]--;
                                      taken[at]++;
                                      return taken[at] < kTokens ? wait_step() : done_step();
                                  }),
                             [&](OperationResult) { all_done.count_down(); });
    }
    std::vector<std::thread> producers;
    for (std::uint64_t at = 0; at < kConsumers; at++) {
        producers.emplace_back([&, at] {
            for (int round = 0; round < kTokens;) {
                bool given = false;
                {
                    MutexLock lock(live.engine_mutex);
                    if (tokens[at] == 0) {
                        tokens[at]++;
                        given = true;
                        live.outbox.emit(engine::WakeEffect{OperationId{at + 1}});
                    }
                }
                if (given) {
                    live.outbox.flush();
                    round++;
                } else {
                    std::this_thread::yield();
                }
            }
        });
    }
    for (std::thread& producer : producers) {
        producer.join();
    }
    all_done.wait();
    MutexLock lock(live.engine_mutex);
    for (const int count : taken) {
        CHECK(count == kTokens);
    }
}

TEST_CASE("an interrupt before the first step, during a wait and after the end", "[exec]") {
    Live live(1);
    std::atomic<bool> block = true;
    std::latch blocked(1);
    live.executor.submit(fake(1,
                              [&](FakeOperation&) {
                                  blocked.count_down();
                                  block.wait(true);
                                  return done_step();
                              }),
                         {});
    blocked.wait();
    const auto until_interrupted = [](FakeOperation& self) {
        self.outcome = Err(Errno::kEINTR);
        return self.interrupted ? done_step() : wait_step();
    };
    std::latch before_done(1);
    live.executor.submit(fake(2, until_interrupted), [&](OperationResult result) {
        CHECK(result.error() == Errno::kEINTR);
        before_done.count_down();
    });
    // The only worker holds the engine lock, so this waits for it and comes before the step or
    // right after it.
    std::thread interrupter([&] { live.executor.interrupt(OperationId{2}); });
    block = false;
    block.notify_all();
    interrupter.join();
    before_done.wait();

    std::latch waiting(1);
    std::latch during_done(1);
    live.executor.submit(fake(3,
                              [&](FakeOperation& self) {
                                  if (self.steps == 1) {
                                      waiting.count_down();
                                  }
                                  return until_interrupted(self);
                              }),
                         [&](OperationResult) { during_done.count_down(); });
    waiting.wait();
    live.executor.interrupt(OperationId{3});
    during_done.wait();
    live.executor.interrupt(OperationId{3});
    live.executor.wake(OperationId{3});
}

TEST_CASE("interrupts race with ends without harm", "[exec]") {
    constexpr std::uint64_t kOperations = 2000;
    std::latch all_done(kOperations);
    Live live;
    std::atomic<std::uint64_t> started = 0;
    std::thread interrupter([&] {
        while (started < kOperations) {
            live.executor.interrupt(OperationId{started.load()});
        }
    });
    for (std::uint64_t id = 1; id <= kOperations; id++) {
        live.executor.submit(
            fake(id,
                 [](FakeOperation& self) { return self.steps < 3 ? yield_step() : done_step(); }),
            [&](OperationResult) { all_done.count_down(); });
        started = id;
    }
    all_done.wait();
    interrupter.join();
}

TEST_CASE("many sleepers wake, none before its time", "[exec]") {
    constexpr std::uint64_t kSleepers = 300;
    std::latch all_done(kSleepers);
    std::atomic<bool> early = false;
    Live live;
    const Nanos start = live.clock.now();
    for (std::uint64_t id = 1; id <= kSleepers; id++) {
        const Nanos until = start + Nanos{static_cast<std::int64_t>((id * 7919) % 300) * 100'000};
        live.executor.submit(fake(id,
                                  [&, until](FakeOperation& self) {
                                      if (self.steps == 1) {
                                          return sleep_step(until);
                                      }
                                      early = early || live.clock.now() < until;
                                      return done_step();
                                  }),
                             [&](OperationResult) { all_done.count_down(); });
    }
    all_done.wait();
    CHECK_FALSE(early);
}

TEST_CASE("a sleep of centuries ends by a wake-up", "[exec]") {
    std::latch sleeping(1);
    std::latch done(1);
    Live live;
    live.executor.submit(fake(1,
                              [&](FakeOperation& self) {
                                  if (self.steps > 1) {
                                      return done_step();
                                  }
                                  sleeping.count_down();
                                  return sleep_step(Nanos{INT64_MAX});
                              }),
                         [&](OperationResult) { done.count_down(); });
    sleeping.wait();
    live.executor.wake(OperationId{1});
    done.wait();
}

TEST_CASE("stop interrupts, drops what will not end, and answers everyone", "[exec]") {
    std::atomic<int> interrupted = 0;
    std::atomic<int> cancelled = 0;
    std::atomic<int> destroyed = 0;
    Live live;
    const auto count = [&](OperationResult result) { (result.ok() ? interrupted : cancelled)++; };
    std::vector<FakeOperation::Body> bodies = {
        [](FakeOperation& self) { return self.interrupted ? done_step() : wait_step(); },
        [](FakeOperation&) { return wait_step(); },
        [](FakeOperation&) { return sleep_step(Nanos{INT64_MAX}); },
        [](FakeOperation&) { return yield_step(); },
    };
    for (std::uint64_t id = 1; id <= 40; id++) {
        auto operation = fake(id, bodies[id % 4]);
        operation->at_end = [&] { destroyed++; };
        live.executor.submit(std::move(operation), count);
    }
    live.executor.stop();
    CHECK(interrupted == 10);
    CHECK(cancelled == 30);
    CHECK(destroyed == 40);
    live.executor.submit(fake(41, bodies[0]), count);
    CHECK(cancelled == 31);
    live.executor.stop();
}

TEST_CASE("a short operation is over when run() returns", "[exec]") {
    Live live;
    const auto caller = std::this_thread::get_id();
    int answers = 0;
    live.executor.run(fake(1,
                           [&](FakeOperation& self) {
                               CHECK(std::this_thread::get_id() == caller);
                               return self.steps < 5 ? yield_step() : done_step();
                           }),
                      [&](OperationResult) { answers++; });
    CHECK(answers == 1);
}

TEST_CASE("what run() cannot end goes on elsewhere", "[exec]") {
    const std::array<FakeOperation::Body, 3> bodies = {
        [](FakeOperation& self) {
            return static_cast<unsigned>(self.steps) <= 2 * ThreadExecutor::kStepsAtOnce
                       ? yield_step()
                       : done_step();
        },
        [](FakeOperation& self) { return self.steps < 3 ? sleep_step(Nanos{0}) : done_step(); },
        [](FakeOperation& self) { return self.interrupted ? done_step() : wait_step(); },
    };
    Live live;
    std::latch done(bodies.size());
    for (std::uint64_t id = 1; id <= bodies.size(); id++) {
        live.executor.run(fake(id, bodies[id - 1]), [&](OperationResult) { done.count_down(); });
    }
    live.executor.interrupt(OperationId{3});
    done.wait();
}

TEST_CASE("after stop() run() answers at once", "[exec]") {
    Live live;
    live.executor.stop();
    bool cancelled = false;
    live.executor.run(fake(1, [](FakeOperation&) { return done_step(); }),
                      [&](OperationResult result) {
                          cancelled = !result.ok() && result.error() == Errno::kECANCELED;
                      });
    CHECK(cancelled);
}

TEST_CASE("Done and effect handlers may submit", "[exec]") {
    std::latch done(1);
    Live live;
    live.executor.submit(
        fake(1,
             [&](FakeOperation&) {
                 live.outbox.emit(
                     engine::SpawnEffect{fake(2, [](FakeOperation&) { return done_step(); })});
                 return done_step();
             }),
        [&](OperationResult) {
            live.executor.submit(fake(3, [](FakeOperation&) { return done_step(); }),
                                 [&](OperationResult) { done.count_down(); });
        });
    done.wait();
}

}  // namespace
}  // namespace memcgfs::exec
