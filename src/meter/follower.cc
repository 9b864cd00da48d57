// SPDX-License-Identifier: MIT
#include "memcgfs/meter/follower.h"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "meter/follow_loop.h"
#include "meter/proc_look.h"

namespace memcgfs::meter {

Follower::Follower(Parts parts) : loop_(std::make_unique<Loop>(std::move(parts))) {}

Follower::~Follower() { stop(); }

void Follower::stop() { loop_->stop(); }

void Follower::begin(pid_t pid) { loop_->begin(pid); }

void Follower::moved(pid_t pid) { loop_->moved(pid); }

void Follower::attend(pid_t pid) { loop_->attend(pid); }

bool Follower::give_up(pid_t pid, bool running) { return loop_->give_up(pid, running); }

void Follower::await_moves() { loop_->await_moves(); }

bool Follower::watch_call(pid_t tid, Pages pages) { return loop_->watch_call(tid, pages); }

bool Follower::watch_pins(pid_t pid, std::function<void()> go_on) {
    return loop_->watch_pins(pid, std::move(go_on));
}

bool Follower::watch_mapping(pid_t tid, std::function<void()> go_on) {
    return loop_->watch_mapping(tid, std::move(go_on));
}

void Follower::leave_faults(pid_t tid) { loop_->leave_faults(tid); }

void Follower::settle(engine::CgroupId group) { loop_->settle(group); }

void Follower::settle_process(pid_t pid) { loop_->settle_process(pid); }

void Follower::settle_all() { loop_->settle_all(); }

std::optional<Follower::Charge> Follower::charge_of(pid_t pid) const {
    return loop_->charge_of(pid);
}

Follower::Loop::Loop(Parts parts)
    : parts_(std::move(parts)),
      swap_file_(parts_.swap_file.valid() ? std::make_unique<SwapFile>(std::move(parts_.swap_file))
                                          : nullptr),
      meter_({parts_.engine, parts_.engine_mutex, parts_.runner, parts_.clock,
              [this](std::int32_t pid) { order({Order::Kind::kPaid, pid}); }, parts_.roots_too,
              [this](std::int32_t pid) { return evicts() ? gates_->evicted(pid) : std::nullopt; }}),
      sockets_({parts_.engine, parts_.engine_mutex, parts_.runner, parts_.clock,
                [this] { return meter_.watched(); }}),
      gates_(parts_.gates ? std::make_unique<Gatekeeper>(gatekeeper_parts()) : nullptr),
      clock_(parts_.clock),
      thread_([this] { work(); }) {}

Follower::Loop::~Loop() { stop(); }

Gatekeeper::Parts Follower::Loop::gatekeeper_parts() {
    return {.meter = meter_,
            .on_fault = parts_.on_stop,
            .swap_file = swap_file_.get(),
            .wants_eviction = [this](pid_t pid) { order({Order::Kind::kEvict, pid}); },
            .lost =
                [this](pid_t pid) {
                    parts_.logger.error("pid={} is killed: what was evicted cannot be read back",
                                        pid);
                    kill(pid, SIGKILL);
                }};
}

void Follower::Loop::stop() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        done_.notify_all();
    }
    if (thread_.joinable()) {
        pthread_kill(thread_.native_handle(), SIGURG);
        thread_.join();
    }
    if (gates_ != nullptr) {
        gates_->stop();
    }
    const MutexLock lock(mutex_);
    for (const Order& order : std::exchange(orders_, {})) {
        if (order.go_on) {
            order.go_on();
        }
    }
}

bool Follower::Loop::order(Order order) {
    const MutexLock lock(mutex_);
    if (!stopping_) {
        orders_.push_back(std::move(order));
        given_++;
        // The signal waits for the thread if that is not waiting for it.
        pthread_kill(thread_.native_handle(), SIGURG);
    }
    return !stopping_;
}

void Follower::Loop::moved(pid_t pid) { order({Order::Kind::kFollow, pid}); }

void Follower::Loop::begin(pid_t pid) {
    order({Order::Kind::kBegin, pid});
    await_moves();
}

void Follower::Loop::attend(pid_t pid) {
    order({Order::Kind::kAttend, pid});
    await_moves();
}

bool Follower::Loop::give_up(pid_t pid, bool running) {
    order({Order::Kind::kGiveUp, pid});
    await_moves();
    const MutexLock lock(mutex_);
    const bool was_followed = given_up_.erase(pid) > 0;
    for (int turn = 0; running && leaving_.contains(pid) && turn < kTurns && !stopping_; ++turn) {
        done_.wait_for(mutex_, kTurn);
    }
    return was_followed;
}

void Follower::Loop::await_moves() {
    const MutexLock lock(mutex_);
    const std::uint64_t goal = given_;
    while (carried_out_ < goal && !stopping_) {
        done_.wait(mutex_);
    }
}

bool Follower::Loop::watch_call(pid_t tid, Pages pages) {
    order({Order::Kind::kWatchCall, tid, pages});
    await_moves();
    const MutexLock lock(mutex_);
    return to_be_made_again_.erase(tid) > 0;
}

void Follower::Loop::leave_faults(pid_t tid) {
    // The call with which a gate is made is seen here as well: there is none yet.
    if (gates_ != nullptr) {
        gates_->leave(gates_->guards(tid) ? tid : process_of(tid));
    }
}

bool Follower::Loop::watch_pins(pid_t pid, std::function<void()> go_on) {
    const pid_t process = has_gate(pid) ? pid : process_of(pid);
    return evicts() && order({Order::Kind::kKeepResident, process, {}, std::move(go_on)});
}

bool Follower::Loop::watch_mapping(pid_t tid, std::function<void()> go_on) {
    // Mostly it is the first thread; to look up another's process takes a while.
    return gates_ != nullptr && (gates_->guards(tid) || gates_->guards(process_of(tid))) &&
           order({Order::Kind::kWatchMapping, tid, {}, std::move(go_on)});
}

void Follower::Loop::hold_all(const std::vector<std::int32_t>& pids) {
    for (const std::int32_t pid : pids) {
        order({Order::Kind::kHold, pid});
    }
}

void Follower::Loop::settle(engine::CgroupId group) {
    if (!parts_.traces && meter_.count() > 0) {
        order({Order::Kind::kVisit, 0});
        await_moves();
    }
    hold_all(meter_.settle(group));
    sockets_.read(group);
}

void Follower::Loop::settle_process(pid_t pid) {
    if (!meter_.settle_for_other(pid)) {
        hold_all({pid});
    }
}

std::optional<Follower::Charge> Follower::Loop::charge_of(pid_t pid) const {
    if (!meter_.watches(pid)) {
        return std::nullopt;
    }
    const pid_t tracer = tracer_of(pid);
    Charge charge{.traced = tracer != 0 && process_of(tracer) == getpid(),
                  .gated = gates_ != nullptr && gates_->guards(pid),
                  .waits = meter_.owes(pid),
                  .pages = meter_.charged(pid)};
    const MutexLock lock(mutex_);
    charge.counted = counted_.contains(pid);
    charge.stopped = stopped_by_us_.contains(pid);
    return charge;
}

void Follower::Loop::settle_all() {
    hold_all(meter_.settle_all());
    sockets_.read_all();
}

}  // namespace memcgfs::meter
