// SPDX-License-Identifier: MIT
//
// How files of the block layer name a device (block/blk-cgroup.c). Engine lock held.
#pragma once

#include <cstdint>
#include <string_view>

#include "interface/controller_files.h"

namespace memcgfs::interface {

/// The machine's disk and its swap device, as virtio disks are numbered.
inline constexpr std::uint32_t kVirtioMajor = 254;
inline constexpr std::uint32_t kSwapMinor = 16;

inline bool has_device(const ShowContext& context, const engine::BlockDevice& device) {
    if (device.major != kVirtioMajor) {
        return false;
    }
    return device.minor == 0 ||
           (device.minor == kSwapMinor && context.engine.machine().swap > Pages{0});
}

/// "MAJOR:MINOR" and white space, taken off (blkg_conf_prep). EINVAL, ENODEV.
inline Result<engine::BlockDevice> take_device(const ShowContext& context, std::string_view& text) {
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
    const engine::BlockDevice device{static_cast<std::uint32_t>(major.value),
                                     static_cast<std::uint32_t>(minor.value)};
    if (!has_device(context, device)) {
        return Err(Errno::kENODEV);
    }
    text = skip_spaces(rest);
    return device;
}

}  // namespace memcgfs::interface
