// SPDX-License-Identifier: MIT
#include "memcgfs/exec/outbox.h"

#include <atomic>
#include <thread>

#include "fakes.h"
#include "support/catch.hpp"

namespace memcgfs::exec {
namespace {

using Log = std::vector<std::string>;

TEST_CASE("emit only queues and flush delivers in order", "[exec]") {
    FakeHandlers handlers;
    Outbox outbox(handlers);
    outbox.emit(engine::KillEffect{3, "oom"});
    outbox.emit(engine::KernelLogEffect{"a line"});
    outbox.emit(engine::FreezeEffect{4, true});
    outbox.emit(engine::MoveEffect{5, 1});
    outbox.emit(engine::FileModifiedEffect{});
    CHECK(handlers.log.empty());
    outbox.flush();
    CHECK(handlers.log == Log{"kill 3", "log a line", "freeze 4", "move 5", "modified"});
    outbox.flush();
    CHECK(handlers.log.size() == 5);
}

TEST_CASE("a handler may emit and flush", "[exec]") {
    FakeHandlers handlers;
    Outbox outbox(handlers);
    handlers.at_note = [&](const std::string& text) {
        if (text == "log first") {
            outbox.emit(engine::KernelLogEffect{"third"});
            outbox.flush();
        }
    };
    outbox.emit(engine::KernelLogEffect{"first"});
    outbox.emit(engine::KernelLogEffect{"second"});
    outbox.flush();
    CHECK(handlers.log == Log{"log first", "log second", "log third"});
}

TEST_CASE("flush waits for a delivery that another thread has begun", "[exec]") {
    FakeHandlers handlers;
    Outbox outbox(handlers);
    std::atomic<bool> inside = false;
    std::atomic<bool> go_on = false;
    std::atomic<bool> delivered = false;
    handlers.at_note = [&](const std::string&) {
        inside = true;
        inside.notify_all();
        go_on.wait(false);
        delivered = true;
    };
    outbox.emit(engine::KernelLogEffect{"slow"});
    std::thread first([&] { outbox.flush(); });
    inside.wait(false);
    std::atomic<bool> seen_delivered = false;
    std::thread second([&] {
        outbox.flush();
        seen_delivered = delivered.load();
    });
    go_on = true;
    go_on.notify_all();
    first.join();
    second.join();
    CHECK(seen_delivered);
}

TEST_CASE("many threads: each finds its own effect delivered after its flush", "[exec]") {
    constexpr int kThreads = 4;
    constexpr int kRounds = 2000;
    FakeHandlers handlers;
    Outbox outbox(handlers);
    std::vector<std::atomic<int>> last(kThreads);
    std::atomic<int> inside = 0;
    std::atomic<bool> overlap = false;
    handlers.at_note = [&](const std::string& text) {
        overlap = overlap || inside.fetch_add(1) != 0;
        const int pid = std::stoi(text.substr(5));
        last[static_cast<std::size_t>(pid / kRounds)] = pid % kRounds;
        inside.fetch_sub(1);
    };
    std::atomic<bool> missed = false;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; thread++) {
        threads.emplace_back([&, thread] {
            for (int round = 0; round < kRounds; round++) {
                outbox.emit(engine::KillEffect{thread * kRounds + round, ""});
                outbox.flush();
                if (last[static_cast<std::size_t>(thread)] != round) {
                    missed = true;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK_FALSE(missed);
    CHECK_FALSE(overlap);
    CHECK(handlers.log.size() == kThreads * kRounds);
}

}  // namespace
}  // namespace memcgfs::exec
