// SPDX-License-Identifier: MIT
//
// Options of mount(8) for cgroup and cgroup2 (cgroup1_parse_param, check_cgroupfs_options,
// cgroup2_parse_param; 6.1 and 6.12). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/engine/engine.h"

namespace memcgfs::interface {

/// What a v1 mount asks for, checked.
struct V1MountRequest {
    engine::HierarchySpec spec;
    bool none = false;
    bool clone_children = false;
    std::string release_agent;  ///< empty: not named
};

/// The options of one mount, as they are named one after the other.
class MountOptions {
public:
    /// `profile` outlives it.
    MountOptions(engine::CgroupVersion version, const engine::Profile& profile)
        : version_(version), profile_(profile) {}

    /// One option; a flag has no value. EINVAL: there is none such, or it is named twice.
    Result<void> add(std::string_view key, std::optional<std::string_view> value);
    /// mount(2)'s: "KEY[=VALUE],...", of which empty ones are skipped.
    Result<void> add_list(std::string_view list);

    engine::CgroupVersion version() const { return version_; }
    /// EINVAL: they contradict each other, or name nothing.
    Result<V1MountRequest> v1() const;
    /// What is not named is off.
    const engine::MountFlags& v2() const { return v2_; }

private:
    Result<void> add_v1(std::string_view key, std::optional<std::string_view> value);
    Result<void> add_v2(std::string_view key, std::optional<std::string_view> value);
    Result<void> set_name(std::string_view name);

    engine::CgroupVersion version_;
    const engine::Profile& profile_;
    V1MountRequest v1_;
    bool all_ = false;
    bool noprefix_ = false;
    engine::MountFlags v2_{.nsdelegate = false,
                           .memory_localevents = false,
                           .memory_recursiveprot = false,
                           .pids_localevents = false};
};

/// The options that /proc/mounts shows of a hierarchy, from "rw" on (cgroup1_show_options,
/// cgroup_show_options).
std::string shown_mount_options(const engine::Hierarchy& hierarchy, const engine::MountFlags& flags,
                                const engine::Profile& profile);

/// Whether the kernel has an option of v2, by its name in /sys/kernel/cgroup/features.
bool has_cgroup_feature(const engine::Profile& profile, std::string_view name);

}  // namespace memcgfs::interface
