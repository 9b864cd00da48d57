// SPDX-License-Identifier: MIT
//
// What the follower does with the traps that stop threads after so many page faults: far from any
// limit they come seldom, and the nearer it is the more often.
#include <algorithm>
#include <utility>

#include "meter/follow_loop.h"

namespace memcgfs::meter {

namespace {

/// All threads together may fault so small a part of the room between their traps: what some have
/// taken of it is seen before others have to know.
constexpr std::uint64_t kOfRoom = 16;

}  // namespace

std::uint64_t Follower::Loop::faults_within(Pages headroom) const {
    const std::uint64_t all = kOfRoom * std::max<std::uint64_t>(threads_.size(), 1);
    return std::clamp(headroom.count() / all, FaultTrap::kFewest, FaultTrap::kMost);
}

void Follower::Loop::set_trap(pid_t tid, Thread& thread) {
    if (!traps_) {
        return;
    }
    auto trap = FaultTrap::set(tid, faults_within(meter_.headroom(thread.process)));
    if (trap.ok()) {
        thread.trap = std::make_shared<FaultTrap>(std::move(trap).value());
        thread.faults = std::min(thread.faults, thread.trap->faults());
    } else if (trap.error() != Errno::kESRCH) {
        traps_ = false;
        parts_.logger.warn("page faults cannot be counted ({}): limits act some milliseconds late",
                           errno_name(trap.error()));
    }
}

/// It has such traps as its maker has, but they are its own: nothing changes them any more.
void Follower::Loop::inherit_traps(Thread& child, const Thread& maker) {
    child.inherited = maker.inherited;
    if (maker.trap != nullptr) {
        child.inherited.push_back(maker.trap);
    }
    for (const auto& trap : child.inherited) {
        // When the child was made in the kernel it may have been as wide as that.
        child.faults = std::min(child.faults, trap->most_faults());
    }
}

void Follower::Loop::drop_traps(Thread& thread) {
    thread.trap.reset();
    thread.inherited.clear();
    thread.faults = kNoTrap;
}

/// So that they do not miss a limit that has come near.
void Follower::Loop::watch_closely(const Process& process, Pages headroom) {
    const std::uint64_t faults = faults_within(headroom);
    for (const pid_t tid : process.threads) {
        Thread& thread = threads_[tid];
        if (thread.faults <= faults || thread.faults == kNoTrap) {
            continue;
        }
        if (thread.trap == nullptr) {
            set_trap(tid, thread);
        } else {
            thread.trap->come_after(faults);
            thread.faults = faults;
        }
    }
}

/// The thread has come to its trap.
void Follower::Loop::widen_trap(Thread& thread) {
    const std::uint64_t faults = faults_within(meter_.headroom(thread.process));
    if (thread.trap != nullptr && thread.inherited.empty() && thread.faults != faults) {
        thread.trap->come_after(faults);
        thread.faults = faults;
    }
}

/// None shall come any more: who is let go would die of it.
void Follower::Loop::disable_traps(Thread& thread) {
    if (thread.trap != nullptr) {
        thread.inherited.push_back(std::move(thread.trap));
    }
    for (const auto& trap : thread.inherited) {
        traps_lost_ = true;
        trap->disable();
    }
}

void Follower::Loop::renew_traps() {
    if (!std::exchange(traps_lost_, false)) {
        return;
    }
    const auto disabled = [](const std::shared_ptr<FaultTrap>& trap) {
        return trap != nullptr && trap->disabled();
    };
    for (auto& [tid, thread] : threads_) {
        if (disabled(thread.trap) || std::erase_if(thread.inherited, disabled) > 0) {
            drop_traps(thread);
            set_trap(tid, thread);
        }
    }
}

}  // namespace memcgfs::meter
