// SPDX-License-Identifier: MIT
//
// /sys/kernel/cgroup/features: mount options of v2, in the kernel's order (cgroup_features_show).
#pragma once

#include <array>
#include <string_view>

#include "memcgfs/engine/profile.h"

namespace memcgfs::interface {

struct CgroupFeature {
    std::string_view name;
    engine::KernelVersion since;
};
inline constexpr std::array kCgroupFeatures = {
    CgroupFeature{"nsdelegate", {4, 14}},
    CgroupFeature{"favordynmods", {6, 0}},
    CgroupFeature{"memory_localevents", {5, 2}},
    CgroupFeature{"memory_recursiveprot", {5, 7}},
    CgroupFeature{"memory_hugetlb_accounting", {6, 7}},
    CgroupFeature{"pids_localevents", {6, 12}},
};

}  // namespace memcgfs::interface
