// SPDX-License-Identifier: MIT
//
// Files of cpu and cpuacct (kernel/sched/core.c, cpuacct.c). Nothing is scheduled here, so times
// and counts are zero.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::CpuState;
using engine::KernelVersion;

constexpr KernelVersion kIdle{5, 15};
constexpr KernelVersion kBursts{5, 14};
constexpr KernelVersion kLocalStat{6, 7};
constexpr KernelVersion kWeightClamped{6, 12};

CpuState cpu_of(const ShowContext& context) { return state_of<&States::cpu>(context); }

Result<void> change_bandwidth(StoreContext& context,
                              void (*change)(engine::Engine::CpuBandwidth&, std::uint64_t),
                              std::uint64_t value) {
    const CpuState cpu = cpu_of(context);
    engine::Engine::CpuBandwidth bandwidth{cpu.quota_us, cpu.period_us, cpu.burst_us};
    change(bandwidth, value);
    return context.engine.set_cpu_bandwidth(context.group, bandwidth);
}

// v1.

Result<void> show_shares(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", cpu_of(context).shares);
    return {};
}

Result<vfs::StoreOutcome> store_shares(StoreContext& context, std::string_view text) {
    const std::uint64_t shares = MEMCGFS_TRY(parse_u64(text));
    MEMCGFS_TRY(context.engine.set_cpu_shares(context.group, shares));
    return done();
}

Result<void> show_idle(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", cpu_of(context).idle);
    return {};
}

Result<vfs::StoreOutcome> store_idle(StoreContext& context, std::string_view text) {
    const std::int64_t idle = MEMCGFS_TRY(parse_s64(text));
    MEMCGFS_TRY(context.engine.set_cpu_idle(context.group, idle));
    return done();
}

Result<void> show_quota(const ShowContext& context, TextBuffer& out) {
    const auto quota = cpu_of(context).quota_us;
    if (quota) {
        out.print("{}\n", *quota);
    } else {
        out.append("-1\n");
    }
    return {};
}

Result<vfs::StoreOutcome> store_quota(StoreContext& context, std::string_view text) {
    const std::int64_t quota = MEMCGFS_TRY(parse_s64(text));
    MEMCGFS_TRY(change_bandwidth(
        context,
        [](engine::Engine::CpuBandwidth& bandwidth, std::uint64_t value) {
            const bool none = static_cast<std::int64_t>(value) < 0;
            bandwidth.quota_us = none ? std::nullopt : std::optional(value);
        },
        static_cast<std::uint64_t>(quota)));
    return done();
}

Result<void> show_period(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", cpu_of(context).period_us);
    return {};
}

Result<vfs::StoreOutcome> store_period(StoreContext& context, std::string_view text) {
    const std::uint64_t period = MEMCGFS_TRY(parse_u64(text));
    MEMCGFS_TRY(change_bandwidth(
        context,
        [](engine::Engine::CpuBandwidth& bandwidth, std::uint64_t value) {
            bandwidth.period_us = value;
        },
        period));
    return done();
}

Result<void> show_burst(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", cpu_of(context).burst_us);
    return {};
}

Result<vfs::StoreOutcome> store_burst(StoreContext& context, std::string_view text) {
    const std::uint64_t burst = MEMCGFS_TRY(parse_u64(text));
    if (burst > UINT64_MAX / 1000) {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(change_bandwidth(
        context,
        [](engine::Engine::CpuBandwidth& bandwidth, std::uint64_t value) {
            bandwidth.burst_us = value;
        },
        burst));
    return done();
}

Result<void> show_v1_stat(const ShowContext& context, TextBuffer& out) {
    out.append("nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    if (context.profile().version >= kBursts) {
        out.append("nr_bursts 0\nburst_time 0\n");
    }
    return {};
}

Result<void> show_v1_local_stat(const ShowContext&, TextBuffer& out) {
    out.append("throttled_time 0\n");
    return {};
}

Result<vfs::StoreOutcome> reset_usage(StoreContext&, std::string_view text) {
    if (MEMCGFS_TRY(parse_u64(text)) != 0) {
        return Err(Errno::kEINVAL);
    }
    return done();
}

Result<void> show_per_cpu(const ShowContext& context, TextBuffer& out) {
    for (std::uint32_t cpu = 0; cpu < context.engine.machine().cpus; cpu++) {
        out.append("0 ");
    }
    out.append("\n");
    return {};
}

Result<void> show_all(const ShowContext& context, TextBuffer& out) {
    out.append("cpu user system\n");
    for (std::uint32_t cpu = 0; cpu < context.engine.machine().cpus; cpu++) {
        out.print("{} 0 0\n", cpu);
    }
    return {};
}

Result<void> show_ticks(const ShowContext&, TextBuffer& out) {
    out.append("user 0\nsystem 0\n");
    return {};
}

// v2.

constexpr std::uint64_t kWeightMax = 10000;

/// Shares of each nice level from -20 on (sched_prio_to_weight).
constexpr std::array<std::uint64_t, 40> kNiceShares = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15};
constexpr std::int64_t kNiceMin = -20;

constexpr std::uint64_t divide_round(std::uint64_t number, std::uint64_t by) {
    return (number + by / 2) / by;
}

/// An idle group's is below 1; since 6.12 it shows as that.
Result<void> show_weight(const ShowContext& context, TextBuffer& out) {
    const std::uint64_t weight = divide_round(cpu_of(context).shares * 100, 1024);
    const bool clamped = context.profile().version >= kWeightClamped;
    out.print("{}\n", clamped ? std::clamp<std::uint64_t>(weight, 1, kWeightMax) : weight);
    return {};
}

Result<vfs::StoreOutcome> store_weight(StoreContext& context, std::string_view text) {
    const std::uint64_t weight = MEMCGFS_TRY(parse_u64(text));
    if (weight < 1 || weight > kWeightMax) {
        return Err(Errno::kERANGE);
    }
    MEMCGFS_TRY(context.engine.set_cpu_shares(context.group, divide_round(weight * 1024, 100)));
    return done();
}

/// The nice level whose shares are nearest.
Result<void> show_nice(const ShowContext& context, TextBuffer& out) {
    const auto shares = static_cast<std::int64_t>(cpu_of(context).shares);
    std::int64_t last = INT64_MAX;
    std::size_t level = 0;
    for (; level < kNiceShares.size(); level++) {
        const std::int64_t delta = std::abs(static_cast<std::int64_t>(kNiceShares[level]) - shares);
        if (delta >= last) {
            break;
        }
        last = delta;
    }
    out.print("{}\n", kNiceMin + static_cast<std::int64_t>(level) - 1);
    return {};
}

Result<vfs::StoreOutcome> store_nice(StoreContext& context, std::string_view text) {
    const std::int64_t nice = MEMCGFS_TRY(parse_s64(text));
    constexpr auto kLevels = static_cast<std::int64_t>(kNiceShares.size());
    if (nice < kNiceMin || nice >= kNiceMin + kLevels) {
        return Err(Errno::kERANGE);
    }
    const auto level = static_cast<std::size_t>(nice - kNiceMin);
    MEMCGFS_TRY(context.engine.set_cpu_shares(context.group, kNiceShares[level]));
    return done();
}

Result<void> show_max(const ShowContext& context, TextBuffer& out) {
    const CpuState cpu = cpu_of(context);
    if (cpu.quota_us) {
        out.print("{} {}\n", *cpu.quota_us, cpu.period_us);
    } else {
        out.print("max {}\n", cpu.period_us);
    }
    return {};
}

/// "QUOTA" or "QUOTA PERIOD", each read as scanf(3) does, so that what follows does not matter.
Result<vfs::StoreOutcome> store_max(StoreContext& context, std::string_view text) {
    constexpr std::size_t kWordMax = 15;
    const CpuState cpu = cpu_of(context);
    engine::Engine::CpuBandwidth bandwidth{std::nullopt, cpu.period_us, cpu.burst_us};
    text = skip_spaces(text);
    const auto end = std::find_if(text.begin(), text.end(), is_kernel_space);
    const std::string_view word =
        text.substr(0, std::min(kWordMax, static_cast<std::size_t>(end - text.begin())));
    if (word.empty()) {
        return Err(Errno::kEINVAL);
    }
    const NumberPrefix period = parse_decimal_digits(skip_spaces(text.substr(word.size())));
    if (period.length != 0) {
        bandwidth.period_us = period.value;
    }
    const NumberPrefix quota = parse_decimal_digits(word);
    if (quota.length != 0) {
        bandwidth.quota_us = quota.value;
    } else if (word != "max") {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(context.engine.set_cpu_bandwidth(context.group, bandwidth));
    return done();
}

struct About {
    Controller controller{};
    std::string_view doc;
    Fidelity fidelity = Fidelity::kStoredOnly;
};

constexpr Cftype v1_row(std::string_view name, ShowFunction show, StoreFunction store,
                        About about) {
    return {.name = name,
            .version = CgroupVersion::kV1,
            .controller = about.controller,
            .show = show,
            .store = store,
            .fidelity = about.fidelity,
            .doc = about.doc};
}

constexpr Cftype v2_row(std::string_view name, ShowFunction show, StoreFunction store,
                        std::string_view doc) {
    return {.name = name,
            .version = CgroupVersion::kV2,
            .controller = Controller::kCpu,
            .placement = Placement::kNotOnRoot,
            .show = show,
            .store = store,
            .fidelity = Fidelity::kStoredOnly,
            .doc = doc};
}

constexpr About kNoTime{Controller::kCpuacct, "Zero: no time is accounted."};

constexpr std::array kV1Files = {
    v1_row("cpu.shares", show_shares, store_shares, {Controller::kCpu, "Weight among siblings."}),
    since(v1_row("cpu.idle", show_idle, store_idle,
                 {Controller::kCpu, "1: the group runs when nobody else wants to."}),
          kIdle),
    v1_row("cpu.cfs_quota_us", show_quota, store_quota,
           {Controller::kCpu, "CPU time for each period; -1: no limit."}),
    v1_row("cpu.cfs_period_us", show_period, store_period,
           {Controller::kCpu, "Length of the period."}),
    since(v1_row("cpu.cfs_burst_us", show_burst, store_burst,
                 {Controller::kCpu, "Unused quota that may be saved up."}),
          kBursts),
    v1_row("cpu.stat", show_v1_stat, nullptr, {Controller::kCpu, "Zeros: nobody is throttled."}),
    since(v1_row("cpu.stat.local", show_v1_local_stat, nullptr,
                 {Controller::kCpu, "Zero: nobody is throttled."}),
          kLocalStat),
    v1_row("cpuacct.usage", show_constant<0>, reset_usage, kNoTime),
    v1_row("cpuacct.usage_user", show_constant<0>, nullptr, kNoTime),
    v1_row("cpuacct.usage_sys", show_constant<0>, nullptr, kNoTime),
    v1_row("cpuacct.usage_percpu", show_per_cpu, nullptr, kNoTime),
    v1_row("cpuacct.usage_percpu_user", show_per_cpu, nullptr, kNoTime),
    v1_row("cpuacct.usage_percpu_sys", show_per_cpu, nullptr, kNoTime),
    v1_row("cpuacct.usage_all", show_all, nullptr, kNoTime),
    v1_row("cpuacct.stat", show_ticks, nullptr, kNoTime),
};
static_assert(detail::table_is_sound(kV1Files));

constexpr std::array kV2Files = {
    v2_row("cpu.weight", show_weight, store_weight, "Weight among siblings, 1 to 10000."),
    v2_row("cpu.weight.nice", show_nice, store_nice, "The same as a nice level."),
    since(v2_row("cpu.idle", show_idle, store_idle, "1: the group runs when nobody else wants to."),
          kIdle),
    v2_row("cpu.max", show_max, store_max, "CPU time for each period, and its length."),
    since(v2_row("cpu.max.burst", show_burst, store_burst, "Unused quota that may be saved up."),
          kBursts),
};
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> v1_cpu_files() { return kV1Files; }
std::span<const Cftype> v2_cpu_files() { return kV2Files; }

}  // namespace memcgfs::interface
