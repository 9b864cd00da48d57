// SPDX-License-Identifier: MIT
#include "memcgfs/interface/mount_options.h"

#include <algorithm>
#include <array>

#include "interface/cgroup_features.h"
#include "memcgfs/base/assert.h"
#include "memcgfs/interface/controllers.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::MountFlags;

constexpr std::size_t kNameMost = 63;            // MAX_CGROUP_ROOT_NAMELEN, less its end
constexpr std::size_t kReleaseAgentMost = 4095;  // PATH_MAX, less its end

/// Of any file system (vfs_parse_sb_flag): here they are flags of the mount, or nothing.
constexpr std::array<std::string_view, 9> kCommon = {
    "ro", "rw", "sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"};

/// v1's flags that change nothing that is modelled.
constexpr std::array<std::string_view, 4> kV1Ignored = {"cpuset_v2_mode", "xattr", "favordynmods",
                                                        "nofavordynmods"};

struct V2Flag {
    std::string_view name;
    bool MountFlags::* flag;
};
constexpr std::array kV2Flags = {
    V2Flag{"nsdelegate", &MountFlags::nsdelegate},
    V2Flag{"favordynmods", &MountFlags::favordynmods},
    V2Flag{"memory_localevents", &MountFlags::memory_localevents},
    V2Flag{"memory_recursiveprot", &MountFlags::memory_recursiveprot},
    V2Flag{"memory_hugetlb_accounting", &MountFlags::memory_hugetlb_accounting},
    V2Flag{"pids_localevents", &MountFlags::pids_localevents},
};

template <class List>
bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

}  // namespace

bool has_cgroup_feature(const engine::Profile& profile, std::string_view name) {
    return std::any_of(kCgroupFeatures.begin(), kCgroupFeatures.end(),
                       [&](const CgroupFeature& feature) {
                           return feature.name == name && feature.since <= profile.version;
                       });
}

Result<void> MountOptions::add(std::string_view key, std::optional<std::string_view> value) {
    if (contains(kCommon, key) && !value) {
        return {};
    }
    return version_ == CgroupVersion::kV1 ? add_v1(key, value) : add_v2(key, value);
}

Result<void> MountOptions::add_list(std::string_view list) {
    while (!list.empty()) {
        const std::string_view entry = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), entry.size() + 1));
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos) {
            MEMCGFS_TRY(entry.empty() ? Result<void>{} : add(entry, std::nullopt));
        } else if (equals != 0) {
            MEMCGFS_TRY(add(entry.substr(0, equals), entry.substr(equals + 1)));
        }
    }
    return {};
}

Result<void> MountOptions::set_name(std::string_view name) {
    const bool fits = !name.empty() && name.size() <= kNameMost && v1_.spec.name.empty() &&
                      std::all_of(name.begin(), name.end(), is_name_character);
    v1_.spec.name = name;
    return fits ? Result<void>{} : Err(Errno::kEINVAL);
}

Result<void> MountOptions::add_v1(std::string_view key, std::optional<std::string_view> value) {
    if (key == "name" && value) {
        return set_name(*value);
    }
    if (key == "release_agent" && value) {
        const bool fits = v1_.release_agent.empty() && value->size() <= kReleaseAgentMost;
        v1_.release_agent = *value;
        return fits ? Result<void>{} : Err(Errno::kEINVAL);
    }
    for (const KernelController& controller : kKernelControllers) {
        if (controller.v1_name == key) {
            const auto mask = mask_of(controller.controller) & v1_controllers(profile_);
            v1_.spec.controllers |= mask;
            return mask != 0 ? Result<void>{} : Err(Errno::kEINVAL);
        }
    }
    if (value) {
        return Err(Errno::kEINVAL);
    }
    all_ = all_ || key == "all";
    v1_.none = v1_.none || key == "none";
    noprefix_ = noprefix_ || key == "noprefix";
    v1_.clone_children = v1_.clone_children || key == "clone_children";
    const bool known = key == "all" || key == "none" || key == "noprefix" ||
                       key == "clone_children" || contains(kV1Ignored, key);
    return known ? Result<void>{} : Err(Errno::kEINVAL);
}

Result<void> MountOptions::add_v2(std::string_view key, std::optional<std::string_view> value) {
    for (const V2Flag& known : kV2Flags) {
        if (known.name == key && !value && has_cgroup_feature(profile_, key)) {
            v2_.*known.flag = true;
            return {};
        }
    }
    return Err(Errno::kEINVAL);
}

Result<V1MountRequest> MountOptions::v1() const {
    MEMCGFS_ASSERT(version_ == CgroupVersion::kV1);
    V1MountRequest request = v1_;
    const bool names_nothing = request.spec.controllers == 0 && request.spec.name.empty();
    const bool all = all_ || (names_nothing && !request.none);
    if (all && request.spec.controllers != 0) {
        return Err(Errno::kEINVAL);
    }
    if (all) {
        request.spec.controllers = v1_controllers(profile_);
    }
    if (request.spec.controllers == 0 && request.spec.name.empty()) {
        return Err(Errno::kEINVAL);
    }
    const engine::ControllerMask others = ~mask_of(engine::Controller::kCpuset);
    if ((noprefix_ && (request.spec.controllers & others) != 0) ||
        (request.none && request.spec.controllers != 0)) {
        return Err(Errno::kEINVAL);
    }
    return request;
}

std::string shown_mount_options(const engine::Hierarchy& hierarchy, const engine::MountFlags& flags,
                                const engine::Profile& profile) {
    std::string options = "rw";
    const auto add = [&options](std::string_view option) { options.append(",").append(option); };
    if (hierarchy.is_v2()) {
        for (const V2Flag& known : kV2Flags) {
            if (flags.*known.flag && has_cgroup_feature(profile, known.name)) {
                add(known.name);
            }
        }
        return options;
    }
    for (const KernelController& controller : kKernelControllers) {
        if (hierarchy.has(controller.controller)) {
            add(controller.v1_name);
        }
    }
    if (!hierarchy.root->release_agent.empty()) {
        add("release_agent=" + hierarchy.root->release_agent);
    }
    if (hierarchy.root->clone_children) {
        add("clone_children");
    }
    if (!hierarchy.name.empty()) {
        add("name=" + hierarchy.name);
    }
    return options;
}

}  // namespace memcgfs::interface
