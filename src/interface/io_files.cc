// SPDX-License-Identifier: MIT
//
// Files of blkio (v1) and io (v2): limits of block devices (block/blk-throttle.c, blk-cgroup.c).
// Nothing is throttled.
#include <array>

#include "interface/io_device.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::BlockDevice;
using engine::CgroupVersion;
using engine::Controller;
using engine::IoLimit;
using engine::IoLimits;

constexpr std::uint32_t kWeightMin = 1;
constexpr std::uint32_t kWeightMax = 10000;

constexpr bool counts_operations(IoLimit limit) {
    return limit == IoLimit::kReads || limit == IoLimit::kWrites;
}

/// What the group has for the device, which the text named: made first if need be, as the kernel
/// does even where the rest of the text is wrong, here and in the groups above (blkg_conf_prep).
engine::IoDevice& device_of(StoreContext& context, const BlockDevice& device) {
    const auto in = [&device](engine::Cgroup& group) -> engine::IoDevice& {
        auto& devices = group.states.set<&States::io>().devices;
        const auto found = std::find_if(devices.begin(), devices.end(),
                                        [&](const auto& each) { return each.device == device; });
        return found != devices.end() ? *found
                                      : *devices.insert(devices.begin(), {.device = device});
    };
    for (engine::Cgroup* level = context.group.parent; level != nullptr; level = level->parent) {
        in(*level);
    }
    return in(context.group);
}

/// The devices that the group has named, with nothing counted (blkcg_print_one_stat).
Result<void> show_stat(const ShowContext& context, TextBuffer& out) {
    if (context.group.is_root()) {
        return {};
    }
    for (const engine::IoDevice& each : state_of<&States::io>(context).devices) {
        out.print("{}:{} \n", each.device.major, each.device.minor);
    }
    return {};
}

// v1.

template <IoLimit kLimit>
Result<void> show_device_limit(const ShowContext& context, TextBuffer& out) {
    for (const engine::IoDevice& each : state_of<&States::io>(context).devices) {
        if (const auto& limit = each.limits[static_cast<std::size_t>(kLimit)]) {
            out.print("{}:{} {}\n", each.device.major, each.device.minor, *limit);
        }
    }
    return {};
}

template <IoLimit kLimit>
Result<vfs::StoreOutcome> store_device_limit(StoreContext& context, std::string_view text) {
    engine::IoDevice& device = device_of(context, MEMCGFS_TRY(take_device(context, text)));
    const NumberPrefix number = parse_decimal_digits(text);
    if (number.length == 0) {
        return Err(Errno::kEINVAL);
    }
    std::uint64_t value = number.value;
    std::uint64_t none = UINT64_MAX;
    if (value == 0) {
        value = none;
    }
    if (counts_operations(kLimit)) {  // these are 32 bits in the kernel
        none = UINT32_MAX;
        value = static_cast<std::uint32_t>(value);
    }
    device.limits[static_cast<std::size_t>(kLimit)] =
        value == none ? std::nullopt : std::optional(value);
    return done();
}

Result<vfs::StoreOutcome> reset_stats(StoreContext&, std::string_view text) {
    MEMCGFS_TRY(parse_u64(text));
    return done();
}

Result<void> show_total(const ShowContext&, TextBuffer& out) {
    out.append("Total 0\n");
    return {};
}

// v2.

constexpr std::array<std::string_view, 4> kLimitNames = {"rbps", "wbps", "riops", "wiops"};

Result<void> show_max(const ShowContext& context, TextBuffer& out) {
    for (const auto& [device, limits, weight] : state_of<&States::io>(context).devices) {
        if (limits == IoLimits{}) {
            continue;
        }
        out.print("{}:{}", device.major, device.minor);
        for (std::size_t i = 0; i < limits.size(); i++) {
            if (limits[i]) {
                out.print(" {}={}", kLimitNames[i], *limits[i]);
            } else {
                out.print(" {}=max", kLimitNames[i]);
            }
        }
        out.append("\n");
    }
    return {};
}

/// "rbps=5" or "rbps=max" into the limits. EINVAL; ERANGE: 0, which would stop everything.
Result<void> apply_limit(IoLimits& limits, std::string_view token) {
    const std::size_t equals = token.find('=');
    const std::string_view name = token.substr(0, equals);
    const auto found = std::find(kLimitNames.begin(), kLimitNames.end(), name);
    if (equals == std::string_view::npos) {
        return Err(Errno::kEINVAL);
    }
    const std::string_view value = token.substr(equals + 1);
    const NumberPrefix number = parse_decimal_digits(value);
    if (number.length == 0 && value != "max") {
        return Err(Errno::kEINVAL);
    }
    if (number.length != 0 && number.value == 0) {
        return Err(Errno::kERANGE);
    }
    // The kernel takes no limit of 1.
    if (found == kLimitNames.end() || (number.length != 0 && number.value == 1)) {
        return Err(Errno::kEINVAL);
    }
    const auto index = static_cast<std::size_t>(found - kLimitNames.begin());
    limits[index] = std::nullopt;
    if (number.length != 0) {
        const bool small = counts_operations(static_cast<IoLimit>(index));
        const std::uint64_t most = small ? UINT32_MAX : UINT64_MAX;
        if (number.value < most) {
            limits[index] = number.value;
        }
    }
    return {};
}

Result<vfs::StoreOutcome> store_max(StoreContext& context, std::string_view text) {
    engine::IoDevice& device = device_of(context, MEMCGFS_TRY(take_device(context, text)));
    IoLimits limits = device.limits;
    constexpr std::size_t kTokenMax = 26;  // what is longer goes on as a token of its own
    while (!text.empty()) {
        const auto end = std::find_if(text.begin(), text.end(), is_kernel_space);
        const std::string_view token =
            text.substr(0, std::min(static_cast<std::size_t>(end - text.begin()), kTokenMax));
        text = skip_spaces(text.substr(token.size()));
        MEMCGFS_TRY(apply_limit(limits, token));
    }
    device.limits = limits;
    return done();
}

Result<void> show_weight(const ShowContext& context, TextBuffer& out) {
    const engine::IoState io = state_of<&States::io>(context);
    out.print("default {}\n", io.weight);
    for (const engine::IoDevice& each : io.devices) {
        if (each.weight != 0) {
            out.print("{}:{} {}\n", each.device.major, each.device.minor, each.weight);
        }
    }
    return {};
}

Result<std::uint32_t> parse_weight(std::string_view text) {
    const NumberPrefix number = parse_decimal_digits(text);
    const auto weight = static_cast<std::uint32_t>(number.value);
    return number.length != 0 && weight >= kWeightMin && weight <= kWeightMax
               ? Result<std::uint32_t>(weight)
               : Err(Errno::kEINVAL);
}

/// "N" or "default N"; "DEVICE N" or "DEVICE default" for one that has a cost model, else
/// EOPNOTSUPP (ioc_weight_write).
Result<vfs::StoreOutcome> store_weight(StoreContext& context, std::string_view text) {
    constexpr std::string_view kDefault = "default";
    if (text.find(':') == std::string_view::npos) {
        if (text.starts_with(kDefault)) {
            text = skip_spaces(text.substr(kDefault.size()));
        }
        state_to_set<&States::io>(context).weight = MEMCGFS_TRY(parse_weight(skip_spaces(text)));
        return done();
    }
    const BlockDevice device = MEMCGFS_TRY(take_device(context, text));
    const engine::Cgroup& root = *context.group.hierarchy->root;
    if (!root.states.get<&States::io>().costs.contains(device)) {
        return Err(Errno::kEOPNOTSUPP);
    }
    engine::IoDevice& known = device_of(context, device);
    known.weight = text.starts_with(kDefault) ? 0 : MEMCGFS_TRY(parse_weight(text));
    return done();
}

template <IoLimit kLimit>
constexpr Cftype v1_limit(std::string_view name) {
    return {.name = name,
            .version = CgroupVersion::kV1,
            .controller = Controller::kIo,
            .show = show_device_limit<kLimit>,
            .store = store_device_limit<kLimit>,
            .fidelity = Fidelity::kStoredOnly,
            .doc = "Limits of block devices."};
}

constexpr Cftype v1_count(std::string_view name) {
    return {.name = name,
            .version = CgroupVersion::kV1,
            .controller = Controller::kIo,
            .show = show_total,
            .fidelity = Fidelity::kStoredOnly,
            .doc = "Zero: nothing is counted."};
}

constexpr std::array kV1Files = {
    Cftype{.name = "blkio.reset_stats",
           .version = CgroupVersion::kV1,
           .controller = Controller::kIo,
           .store = reset_stats,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Takes a number."},
    v1_limit<IoLimit::kReadBytes>("blkio.throttle.read_bps_device"),
    v1_limit<IoLimit::kWriteBytes>("blkio.throttle.write_bps_device"),
    v1_limit<IoLimit::kReads>("blkio.throttle.read_iops_device"),
    v1_limit<IoLimit::kWrites>("blkio.throttle.write_iops_device"),
    v1_count("blkio.throttle.io_service_bytes"),
    v1_count("blkio.throttle.io_service_bytes_recursive"),
    v1_count("blkio.throttle.io_serviced"),
    v1_count("blkio.throttle.io_serviced_recursive"),
};
static_assert(detail::table_is_sound(kV1Files));

constexpr engine::KernelVersion kCostModel{5, 4};

constexpr std::array kV2Files = {
    Cftype{.name = "io.stat",
           .version = CgroupVersion::kV2,
           .controller = Controller::kIo,
           .show = show_stat,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "The devices that were named here or below; nothing is counted."},
    Cftype{.name = "io.max",
           .version = CgroupVersion::kV2,
           .controller = Controller::kIo,
           .placement = Placement::kNotOnRoot,
           .show = show_max,
           .store = store_max,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Limits of block devices."},
    Cftype{.name = "io.weight",
           .version = CgroupVersion::kV2,
           .controller = Controller::kIo,
           .placement = Placement::kNotOnRoot,
           .since = kCostModel,
           .show = show_weight,
           .store = store_weight,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Weight among siblings, and for single devices that have a cost model."},
};
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> v1_io_files() { return kV1Files; }
std::span<const Cftype> v2_io_files() { return kV2Files; }

}  // namespace memcgfs::interface
