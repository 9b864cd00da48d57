// SPDX-License-Identifier: MIT
//
// Shares and bandwidth of the scheduler's groups (kernel/sched/core.c and fair.c, 6.1).
#include <algorithm>

#include "engine/state.h"

namespace memcgfs::engine {

namespace {

constexpr std::uint64_t kSharesMin = 2;
constexpr std::uint64_t kSharesMax = 1ULL << 18U;
constexpr std::uint64_t kIdleShares = 3;
constexpr std::uint64_t kPeriodMin = 1000;
constexpr std::uint64_t kPeriodMax = 1'000'000;
constexpr std::uint64_t kQuotaMax = (1ULL << 44U) - 1;

/// CPUs as a fixed-point number with 20 bits; none: no limit.
std::optional<std::uint64_t> ratio(const CpuState& cpu) {
    if (!cpu.quota_us) {
        return std::nullopt;
    }
    // The kernel's quotient of nanoseconds, modulo 2^64 like its.
    return (*cpu.quota_us * 1000 << 20U) / (cpu.period_us * 1000);
}

/// v1: nobody may have more than the next limit above it.
bool fits(const Cgroup& group, std::optional<std::uint64_t> above, const Cgroup& changed,
          const CpuState& now) {
    const CpuState own = &group == &changed ? now : group.states.get<&ControllerStates::cpu>();
    std::optional<std::uint64_t> limit = group.is_root() ? std::nullopt : ratio(own);
    if (!limit) {
        limit = above;
    } else if (above && *limit > *above) {
        return false;
    }
    return std::all_of(group.children.begin(), group.children.end(),
                       [&](const Cgroup* child) { return fits(*child, limit, changed, now); });
}

}  // namespace

Result<void> Engine::set_cpu_shares(Cgroup& group, std::uint64_t shares) {
    if (group.is_root() || group.states.get<&ControllerStates::cpu>().idle) {
        return Err(Errno::kEINVAL);
    }
    group.states.set<&ControllerStates::cpu>().shares = std::clamp(shares, kSharesMin, kSharesMax);
    return {};
}

Result<void> Engine::set_cpu_idle(Cgroup& group, std::int64_t idle) {
    if (group.is_root() || idle < 0 || idle > 1) {
        return Err(Errno::kEINVAL);
    }
    CpuState& cpu = group.states.set<&ControllerStates::cpu>();
    if (cpu.idle != (idle == 1)) {
        cpu.idle = idle == 1;
        cpu.shares = cpu.idle ? kIdleShares : 1024;
    }
    return {};
}

Result<void> Engine::set_cpu_bandwidth(Cgroup& group, const CpuBandwidth& bandwidth) {
    const auto& [quota, period, burst] = bandwidth;
    if (group.is_root() || (quota && *quota < kPeriodMin) || period < kPeriodMin ||
        period > kPeriodMax || (quota && *quota > kQuotaMax) ||
        (quota && (burst > *quota || burst + *quota > kQuotaMax))) {
        return Err(Errno::kEINVAL);
    }
    CpuState wanted = group.states.get<&ControllerStates::cpu>();
    wanted.quota_us = quota;
    wanted.period_us = period;
    wanted.burst_us = burst;
    if (!group.is_v2() && !fits(*group.hierarchy->root, std::nullopt, group, wanted)) {
        return Err(Errno::kEINVAL);
    }
    group.states.set<&ControllerStates::cpu>() = wanted;
    return {};
}

}  // namespace memcgfs::engine
