// SPDX-License-Identifier: MIT
//
// io.cost.qos and io.cost.model: what a device is believed to be able to do
// (block/blk-iocost.c, 6.1). Kept and checked; no request is delayed by it.
#include <algorithm>
#include <array>

#include "interface/io_device.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::BlockDevice;
using engine::CgroupVersion;
using engine::Controller;
using engine::IoCost;

constexpr std::uint32_t kPercent = 100;  ///< in the hundredths that are kept
constexpr std::uint32_t kPercentileMax = 100 * kPercent;
constexpr std::uint32_t kRateMin = 1 * kPercent;
constexpr std::uint32_t kRateMax = 10'000 * kPercent;

constexpr engine::KernelVersion kWholeNumbers{6, 12};

constexpr std::array<std::string_view, 6> kModelNames = {"rbps", "rseqiops", "rrandiops",
                                                         "wbps", "wseqiops", "wrandiops"};

/// "12.345" as 1235; what follows does not matter (cgroup_parse_float). EINVAL.
Result<std::uint64_t> parse_hundredths(std::string_view text) {
    const NumberPrefix whole = parse_decimal_digits(text);
    if (whole.length == 0) {
        return Err(Errno::kEINVAL);
    }
    std::uint64_t value = whole.value * kPercent;
    text.remove_prefix(whole.length);
    if (!text.starts_with('.')) {
        return value;
    }
    const NumberPrefix part = parse_decimal_digits(text.substr(1));
    std::uint64_t unit = 1;
    for (std::size_t i = 0; i < part.length; ++i) {
        unit *= 10;
    }
    return value + (part.value * kPercent + unit / 2) / unit;
}

/// A number in any base. EINVAL, also where it has more than 64 bits (match_u64).
Result<std::uint64_t> parse_count(std::string_view text) {
    const NumberPrefix digits = parse_digits(text);
    const auto number = parse_u64(text);
    return digits.length != 0 && digits.length == text.size() && number.ok() ? number
                                                                             : Err(Errno::kEINVAL);
}

/// A switch: any number but 0 that an int can hold (match_int). 6.1 cuts it to 64 bits before,
/// 6.12 does not take a longer one.
Result<bool> parse_switch(std::string_view text, bool cut) {
    const NumberPrefix digits = parse_digits(text);
    if (digits.length == 0 || digits.length != text.size() || digits.value > INT32_MAX ||
        (!cut && !parse_u64(text).ok())) {
        return Err(Errno::kEINVAL);
    }
    return digits.value != 0;
}

/// "ctrl=user" or "ctrl=auto".
Result<bool> parse_control(std::string_view text) {
    if (text != "user" && text != "auto") {
        return Err(Errno::kEINVAL);
    }
    return text == "user";
}

struct Setting {
    std::string_view name;
    std::string_view value;
    bool cut_numbers = false;
};

/// What goes with io.cost.qos but is no switch. EINVAL.
Result<void> apply_limit(IoCost& cost, const Setting& setting) {
    const auto& [name, value, cut_numbers] = setting;
    if (name == "rpct" || name == "wpct") {
        const std::uint64_t percentile = MEMCGFS_TRY(parse_hundredths(value));
        if (percentile > kPercentileMax) {
            return Err(Errno::kEINVAL);
        }
        cost.percentile[name == "wpct"] = static_cast<std::uint32_t>(percentile);
    } else if (name == "rlat" || name == "wlat") {
        cost.latency_us[name == "wlat"] =
            static_cast<std::uint32_t>(MEMCGFS_TRY(parse_count(value)));
    } else if (name == "min" || name == "max") {
        const std::uint64_t rate = MEMCGFS_TRY(parse_hundredths(value));
        (name == "min" ? cost.rate_min : cost.rate_max) =
            static_cast<std::uint32_t>(std::clamp<std::uint64_t>(rate, kRateMin, kRateMax));
    } else {
        return Err(Errno::kEINVAL);
    }
    cost.user_qos = true;
    return {};
}

Result<void> apply_qos(IoCost& cost, const Setting& setting) {
    if (setting.name == "enable") {
        cost.enabled = MEMCGFS_TRY(parse_switch(setting.value, setting.cut_numbers));
        return {};
    }
    if (setting.name == "ctrl") {
        cost.user_qos = MEMCGFS_TRY(parse_control(setting.value));
        return {};
    }
    return apply_limit(cost, setting);
}

Result<void> apply_model(IoCost& cost, const Setting& setting) {
    if (setting.name == "ctrl") {
        cost.user_model = MEMCGFS_TRY(parse_control(setting.value));
        return {};
    }
    if (setting.name == "model") {
        return setting.value == "linear" ? Result<void>{} : Err(Errno::kEINVAL);
    }
    const auto found = std::find(kModelNames.begin(), kModelNames.end(), setting.name);
    if (found == kModelNames.end()) {
        return Err(Errno::kEINVAL);
    }
    cost.model[static_cast<std::size_t>(found - kModelNames.begin())] =
        MEMCGFS_TRY(parse_count(setting.value));
    cost.user_model = true;
    return {};
}

/// The device gets its cost model by being named, whatever follows; all settings or none.
template <Result<void> (*kApply)(IoCost&, const Setting&)>
Result<vfs::StoreOutcome> store(StoreContext& context, std::string_view text) {
    const BlockDevice device = MEMCGFS_TRY(take_device(context, text));
    IoCost& kept = state_to_set<&States::io>(context).costs[device];
    IoCost cost = kept;
    while (!text.empty()) {
        const std::string_view token = text.substr(0, text.find_first_of(" \t\n"));
        text.remove_prefix(std::min(text.size(), token.size() + 1));
        if (token.empty()) {
            continue;
        }
        const std::size_t equals = token.find('=');
        if (equals == std::string_view::npos) {
            return Err(Errno::kEINVAL);
        }
        MEMCGFS_TRY(kApply(cost, {.name = token.substr(0, equals),
                                  .value = token.substr(equals + 1),
                                  .cut_numbers = context.profile().version < kWholeNumbers}));
    }
    if (cost.rate_min > cost.rate_max) {
        return Err(Errno::kEINVAL);
    }
    const IoCost made;
    if (!cost.user_qos) {
        cost.percentile = made.percentile;
        cost.latency_us = made.latency_us;
        cost.rate_min = made.rate_min;
        cost.rate_max = made.rate_max;
    }
    if (!cost.user_model) {
        cost.model = made.model;
    }
    kept = cost;
    return done();
}

void print_hundredths(TextBuffer& out, std::string_view name, std::uint32_t value) {
    out.print(" {}={}.{:02}", name, value / kPercent, value % kPercent);
}

Result<void> show_qos(const ShowContext& context, TextBuffer& out) {
    for (const auto& [device, cost] : state_of<&States::io>(context).costs) {
        out.print("{}:{} enable={:d} ctrl={}", device.major, device.minor, cost.enabled,
                  cost.user_qos ? "user" : "auto");
        print_hundredths(out, "rpct", cost.percentile[0]);
        out.print(" rlat={}", cost.latency_us[0]);
        print_hundredths(out, "wpct", cost.percentile[1]);
        out.print(" wlat={}", cost.latency_us[1]);
        print_hundredths(out, "min", cost.rate_min);
        print_hundredths(out, "max", cost.rate_max);
        out.append("\n");
    }
    return {};
}

Result<void> show_model(const ShowContext& context, TextBuffer& out) {
    for (const auto& [device, cost] : state_of<&States::io>(context).costs) {
        out.print("{}:{} ctrl={} model=linear", device.major, device.minor,
                  cost.user_model ? "user" : "auto");
        for (std::size_t i = 0; i < kModelNames.size(); ++i) {
            out.print(" {}={}", kModelNames[i], cost.model[i]);
        }
        out.append("\n");
    }
    return {};
}

constexpr Cftype row(std::string_view name, ShowFunction show, StoreFunction store,
                     std::string_view doc) {
    return {.name = name,
            .version = CgroupVersion::kV2,
            .controller = Controller::kIo,
            .placement = Placement::kOnlyOnRoot,
            .since = {5, 4},
            .show = show,
            .store = store,
            .fidelity = Fidelity::kStoredOnly,
            .doc = doc};
}

constexpr std::array kFiles = {
    row("io.cost.qos", show_qos, store<apply_qos>,
        "What latency devices must keep, by which the kernel finds how much they can take."),
    row("io.cost.model", show_model, store<apply_model>,
        "What devices can do, as of a disk that turns; no request is delayed by it."),
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v2_io_cost_files() { return kFiles; }

}  // namespace memcgfs::interface
