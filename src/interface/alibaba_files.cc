// SPDX-License-Identifier: MIT
//
// Alibaba Cloud Linux's additions: background reclaim watermarks and relatives (spec
// alibaba-wmark.md 1 and 6).
#include <array>

#include "interface/limit_files.h"
#include "interface/services.h"
#include "interface/tables.h"
#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::Memcg;
using engine::Profile;
using engine::Vendor;

constexpr std::uint32_t kRatioMax = 100;
constexpr std::uint32_t kScaleFactorMin = 1;
constexpr std::uint32_t kScaleFactorMax = 1000;
constexpr std::uint64_t kPriorityMax = 12;
constexpr std::int32_t kMinAdjMin = -25;
constexpr std::int32_t kMinAdjMax = 50;
/// The files that came to v2 with the 5.10 kernels.
constexpr engine::KernelVersion kV2Late{5, 10};

bool has_wmark(const Profile& profile) { return profile.wmark; }
bool v1_has_high(const Profile& profile) { return profile.v1_has_high; }

Result<void> show_ratio(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.memcg().wmark.ratio_percent);
    return {};
}

Result<vfs::StoreOutcome> store_ratio(StoreContext& context, std::string_view text) {
    const std::uint32_t ratio = MEMCGFS_TRY(parse_u32(text));
    if (ratio > kRatioMax) {
        return Err(Errno::kEINVAL);
    }
    context.engine.set_wmark_ratio(context.memcg(), ratio);
    return done();
}

Result<void> show_scale_factor(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.memcg().wmark.scale_factor);
    return {};
}

Result<vfs::StoreOutcome> store_scale_factor(StoreContext& context, std::string_view text) {
    const std::uint32_t factor = MEMCGFS_TRY(parse_u32(text));
    if (factor < kScaleFactorMin || factor > kScaleFactorMax) {
        return Err(Errno::kEINVAL);
    }
    context.engine.set_wmark_scale_factor(context.memcg(), factor);
    return done();
}

template <Pages engine::WmarkLevels::*kLevel>
Result<void> show_level(const ShowContext& context, TextBuffer& out) {
    const Pages level = context.memcg().wmark.levels.*kLevel;
    if (context.group.is_v2()) {
        print_limit(out, level);
    } else {
        print_bytes(out, level);
    }
    return {};
}

Result<void> show_exstat(const ShowContext& context, TextBuffer& out) {
    // Alibaba's "milliseconds" are 2^20 ns.
    out.print("wmark_min_throttled_ms 0\nwmark_reclaim_work_ms {}\n",
              (context.memcg().wmark.reclaim_time >> 20U).count());
    return {};
}

/// The parent's value counts where it is set and larger.
std::int64_t effective_min_adj(const Knobs& knobs, const Memcg& memcg) {
    const std::int64_t own = knobs.get(memcg.id(), Knob::kWmarkMinAdj);
    if (memcg.parent() == nullptr) {
        return own;
    }
    const std::int64_t above = effective_min_adj(knobs, *memcg.parent());
    return above != 0 && above > own ? above : own;
}

Result<void> show_min_adj(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", effective_min_adj(context.services.knobs, context.memcg()));
    return {};
}

Result<vfs::StoreOutcome> store_min_adj(StoreContext& context, std::string_view text) {
    const std::int32_t value = MEMCGFS_TRY(parse_i32(text));
    if (value < kMinAdjMin || value > kMinAdjMax) {
        return Err(Errno::kEINVAL);
    }
    context.services.knobs.set(context.memcg().id(), Knob::kWmarkMinAdj, value);
    return done();
}

Result<void> show_priority(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.memcg().oom_priority);
    return {};
}

Result<vfs::StoreOutcome> store_priority(StoreContext& context, std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_u64(text));
    if (value > kPriorityMax) {
        return Err(Errno::kEINVAL);
    }
    context.memcg().oom_priority = static_cast<std::uint32_t>(value);
    return done();
}

Result<void> show_use_priority(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.memcg().use_priority_oom);
    return {};
}

Result<vfs::StoreOutcome> store_use_priority(StoreContext& context, std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_u64(text));
    if (value > 1) {
        return Err(Errno::kEINVAL);
    }
    context.memcg().use_priority_oom = value == 1;
    return done();
}

void print_latency(const engine::LatencyHistogram& histogram, TextBuffer& out) {
    constexpr std::array<std::string_view, engine::LatencyHistogram::kBuckets> kLabels{
        "0-1ms", "1-5ms", "5-10ms", "10-100ms", "100-500ms", "500-1000ms", ">=1000ms"};
    for (std::size_t bucket = 0; bucket < kLabels.size(); bucket++) {
        out.print("{}: \t{}\n", kLabels[bucket], histogram.bucket(bucket));
    }
    out.print("total(ms): \t{}\n", histogram.total_millis());
}

template <engine::LatencyHistogram Memcg::*kHistogram>
Result<void> show_latency(const ShowContext& context, TextBuffer& out) {
    print_latency(context.memcg().*kHistogram, out);
    return {};
}

/// Of waits that there are none of here.
Result<void> show_no_latency(const ShowContext&, TextBuffer& out) {
    print_latency({}, out);
    return {};
}

Result<void> check_zero(std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_u64(text));
    if (value != 0) {
        return Err(Errno::kEINVAL);
    }
    return {};
}

template <engine::LatencyHistogram Memcg::*kHistogram>
Result<vfs::StoreOutcome> clear_latency(StoreContext& context, std::string_view text) {
    MEMCGFS_TRY(check_zero(text));
    context.memcg().*kHistogram = {};
    return done();
}

Result<vfs::StoreOutcome> clear_no_latency(StoreContext&, std::string_view text) {
    MEMCGFS_TRY(check_zero(text));
    return done();
}

/// One of the latency files of 4.19, of waits that are measured or that there are none of.
constexpr Cftype latency_file(std::string_view name, std::string_view doc) {
    return {.name = name,
            .version = CgroupVersion::kV1,
            .controller = Controller::kMemory,
            .vendor = Vendor::kAlibaba,
            .show = show_no_latency,
            .store = clear_no_latency,
            .fidelity = Fidelity::kStoredOnly,
            .doc = doc};
}

template <engine::LatencyHistogram Memcg::*kHistogram>
constexpr Cftype measured_latency_file(std::string_view name, std::string_view doc) {
    Cftype row = latency_file(name, doc);
    row.show = show_latency<kHistogram>;
    row.store = clear_latency<kHistogram>;
    row.fidelity = Fidelity::kModelled;
    return row;
}

constexpr std::string_view kRatioDoc =
    "Percent of the limit at which background reclaim starts; 0 turns it off. Children copy it.";
constexpr std::string_view kHighDoc = "The usage at which background reclaim starts.";
constexpr std::string_view kLowDoc = "The usage below which background reclaim stops.";
constexpr std::string_view kScaleDoc =
    "Distance of the two watermarks in 1/10000 of the limit, 1 to 1000.";
constexpr std::string_view kExstatDoc =
    "Time spent in background reclaim, this group and below, in 2^20 ns.";
constexpr std::string_view kMinAdjDoc =
    "Adjustment of the machine's min watermark for this group, -25 to 50 percent. No effect.";
constexpr std::string_view kPriorityDoc =
    "Rank among its siblings for the OOM killer, 0 to 12; the lowest goes first.";
constexpr std::string_view kUsePriorityDoc =
    "1: when this group's limit is hit, the OOM killer goes by memory.priority.";
constexpr std::string_view kReclaimLatencyDoc =
    "How long tasks waited for reclaim at a group's limit or high, this group and below; 0 clears.";
constexpr std::string_view kSwapoutLatencyDoc =
    "How long pages took to swap in reclaim for a group, this group and below; 0 clears.";
constexpr std::string_view kNoLatencyDoc = "Waits that the simulated machine does not have.";

constexpr std::array kV1Files = {
    Cftype{.name = "memory.wmark_ratio",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_ratio,
           .store = store_ratio,
           .doc = kRatioDoc},
    Cftype{.name = "memory.wmark_high",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_level<&engine::WmarkLevels::high>,
           .doc = kHighDoc},
    Cftype{.name = "memory.wmark_low",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_level<&engine::WmarkLevels::low>,
           .doc = kLowDoc},
    Cftype{.name = "memory.wmark_scale_factor",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_scale_factor,
           .store = store_scale_factor,
           .doc = kScaleDoc},
    Cftype{.name = "memory.wmark_min_adj",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_min_adj,
           .store = store_min_adj,
           .fidelity = Fidelity::kStoredOnly,
           .doc = kMinAdjDoc},
    Cftype{.name = "memory.exstat",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_exstat,
           .doc = kExstatDoc},
    Cftype{.name = "memory.priority",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .show = show_priority,
           .store = store_priority,
           .doc = kPriorityDoc},
    Cftype{.name = "memory.use_priority_oom",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .vendor = Vendor::kAlibaba,
           .show = show_use_priority,
           .store = store_use_priority,
           .doc = kUsePriorityDoc},
    Cftype{.name = "memory.min",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = v1_has_high,
           .show = show_min,
           .store = store_min,
           .doc = "As v2 memory.min."},
    Cftype{.name = "memory.low",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = v1_has_high,
           .show = show_low,
           .store = store_low,
           .doc = "As v2 memory.low."},
    Cftype{.name = "memory.high",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = v1_has_high,
           .show = show_high,
           .store = store_high,
           .doc = "As v2 memory.high."},
    measured_latency_file<&Memcg::direct_reclaim_latency>("memory.direct_reclaim_memcg_latency",
                                                          kReclaimLatencyDoc),
    latency_file("memory.direct_reclaim_global_latency", kNoLatencyDoc),
    latency_file("memory.direct_compact_latency", kNoLatencyDoc),
    latency_file("memory.direct_swapout_global_latency", kNoLatencyDoc),
    measured_latency_file<&Memcg::direct_swapout_latency>("memory.direct_swapout_memcg_latency",
                                                          kSwapoutLatencyDoc),
    latency_file("memory.direct_swapin_latency", kNoLatencyDoc),
    latency_file("memory.dirty_throttle_latency", kNoLatencyDoc),
};
static_assert(detail::table_is_sound(kV1Files));

constexpr std::array kV2Files = {
    Cftype{.name = "memory.wmark_ratio",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_ratio,
           .store = store_ratio,
           .doc = kRatioDoc},
    Cftype{.name = "memory.wmark_high",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_level<&engine::WmarkLevels::high>,
           .doc = kHighDoc},
    Cftype{.name = "memory.wmark_low",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_level<&engine::WmarkLevels::low>,
           .doc = kLowDoc},
    Cftype{.name = "memory.wmark_scale_factor",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_scale_factor,
           .store = store_scale_factor,
           .doc = kScaleDoc},
    Cftype{.name = "memory.wmark_min_adj",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .since = kV2Late,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_min_adj,
           .store = store_min_adj,
           .fidelity = Fidelity::kStoredOnly,
           .doc = kMinAdjDoc},
    Cftype{.name = "memory.exstat",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .since = kV2Late,
           .vendor = Vendor::kAlibaba,
           .present = has_wmark,
           .show = show_exstat,
           .doc = kExstatDoc},
    Cftype{.name = "memory.priority",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .placement = Placement::kNotOnRoot,
           .vendor = Vendor::kAlibaba,
           .show = show_priority,
           .store = store_priority,
           .doc = kPriorityDoc},
    Cftype{.name = "memory.use_priority_oom",
           .version = CgroupVersion::kV2,
           .controller = Controller::kMemory,
           .vendor = Vendor::kAlibaba,
           .show = show_use_priority,
           .store = store_use_priority,
           .doc = kUsePriorityDoc},
};
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> alibaba_v1_files() { return kV1Files; }
std::span<const Cftype> alibaba_v2_files() { return kV2Files; }

}  // namespace memcgfs::interface
