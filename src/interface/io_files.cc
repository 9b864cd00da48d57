// SPDX-License-Identifier: MIT
//
// Files of blkio (v1) and io (v2): limits of block devices (block/blk-throttle.c, blk-cgroup.c,
// blk-iocost.c). Nothing is throttled.
#include <array>

#include "interface/controller_files.h"
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
constexpr std::uint32_t kWeightDefault = 100;

/// The machine's disk and its swap device, as virtio disks are numbered.
constexpr std::uint32_t kVirtioMajor = 254;
constexpr std::uint32_t kSwapMinor = 16;

bool has_device(const ShowContext& context, const BlockDevice& device) {
    if (device.major != kVirtioMajor) {
        return false;
    }
    return device.minor == 0 ||
           (device.minor == kSwapMinor && context.engine.machine().swap > Pages{0});
}

/// "MAJOR:MINOR" and white space, taken off (blkg_conf_prep). EINVAL, ENODEV.
Result<BlockDevice> take_device(const ShowContext& context, std::string_view& text) {
    std::string_view rest = skip_spaces(text);
    const NumberPrefix major = parse_decimal_digits(rest);
    rest.remove_prefix(major.length);
    if (major.length == 0 || !rest.starts_with(':')) {
        return Err(Errno::kEINVAL);
    }
    rest.remove_prefix(1);
    const NumberPrefix minor = parse_decimal_digits(rest);
    rest.remove_prefix(minor.length);
    if (minor.length == 0 || rest.empty() || !is_kernel_space(rest.front())) {
        return Err(Errno::kEINVAL);
    }
    const BlockDevice device{static_cast<std::uint32_t>(major.value),
                             static_cast<std::uint32_t>(minor.value)};
    if (!has_device(context, device)) {
        return Err(Errno::kENODEV);
    }
    text = skip_spaces(rest);
    return device;
}

constexpr bool counts_operations(IoLimit limit) {
    return limit == IoLimit::kReads || limit == IoLimit::kWrites;
}

void set_limits(StoreContext& context, const BlockDevice& device, const IoLimits& limits) {
    auto& known = state_to_set<&States::io>(context).limits;
    known[device] = limits;
    if (limits == IoLimits{}) {
        known.erase(device);
    }
}

IoLimits limits_of(const ShowContext& context, const BlockDevice& device) {
    const engine::IoState io = state_of<&States::io>(context);
    const auto found = io.limits.find(device);
    return found != io.limits.end() ? found->second : IoLimits{};
}

// v1.

template <IoLimit kLimit>
Result<void> show_device_limit(const ShowContext& context, TextBuffer& out) {
    for (const auto& [device, limits] : state_of<&States::io>(context).limits) {
        if (const auto& limit = limits[static_cast<std::size_t>(kLimit)]) {
            out.print("{}:{} {}\n", device.major, device.minor, *limit);
        }
    }
    return {};
}

template <IoLimit kLimit>
Result<vfs::StoreOutcome> store_device_limit(StoreContext& context, std::string_view text) {
    const BlockDevice device = MEMCGFS_TRY(take_device(context, text));
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
    IoLimits limits = limits_of(context, device);
    limits[static_cast<std::size_t>(kLimit)] = value == none ? std::nullopt : std::optional(value);
    set_limits(context, device, limits);
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
    for (const auto& [device, limits] : state_of<&States::io>(context).limits) {
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
    const BlockDevice device = MEMCGFS_TRY(take_device(context, text));
    IoLimits limits = limits_of(context, device);
    while (!text.empty()) {
        const auto end = std::find_if(text.begin(), text.end(), is_kernel_space);
        const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
        text = skip_spaces(text.substr(token.size()));
        MEMCGFS_TRY(apply_limit(limits, token));
    }
    set_limits(context, device, limits);
    return done();
}

Result<void> show_weight(const ShowContext& context, TextBuffer& out) {
    out.print("default {}\n", state_of<&States::io>(context).weight);
    return {};
}

/// "N" or "default N".
Result<vfs::StoreOutcome> store_weight(StoreContext& context, std::string_view text) {
    const auto in_range = [](const NumberPrefix& number) {
        const auto value = static_cast<std::uint32_t>(number.value);
        return number.length != 0 && value >= kWeightMin && value <= kWeightMax;
    };
    if (text.find(':') == std::string_view::npos) {
        std::string_view number = text;
        if (number.starts_with("default")) {
            number = skip_spaces(number.substr(std::string_view("default").size()));
        }
        const NumberPrefix weight = parse_decimal_digits(skip_spaces(number));
        if (!in_range(weight)) {
            return Err(Errno::kEINVAL);
        }
        state_to_set<&States::io>(context).weight = static_cast<std::uint32_t>(weight.value);
        return done();
    }
    MEMCGFS_TRY(take_device(context, text));
    return Err(Errno::kEOPNOTSUPP);  // no device has a cost model
}

Result<vfs::StoreOutcome> store_cost(StoreContext& context, std::string_view text) {
    MEMCGFS_TRY(take_device(context, text));
    return Err(Errno::kEOPNOTSUPP);
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
           .show = show_nothing,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Empty: nothing is counted."},
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
           .doc = "Weight among siblings; single devices have none."},
};
static_assert(detail::table_is_sound(kV2Files));

constexpr Cftype cost(std::string_view name) {
    return {.name = name,
            .version = CgroupVersion::kV2,
            .controller = Controller::kIo,
            .placement = Placement::kOnlyOnRoot,
            .since = kCostModel,
            .show = show_nothing,
            .store = store_cost,
            .fidelity = Fidelity::kStoredOnly,
            .doc = "Empty: no device has a model; a write for one fails."};
}

constexpr std::array kCostFiles = {cost("io.cost.qos"), cost("io.cost.model")};
static_assert(detail::table_is_sound(kCostFiles));

}  // namespace

std::span<const Cftype> v1_io_files() { return kV1Files; }
std::span<const Cftype> v2_io_files() { return kV2Files; }
std::span<const Cftype> v2_io_cost_files() { return kCostFiles; }

}  // namespace memcgfs::interface
