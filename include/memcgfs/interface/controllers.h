// SPDX-License-Identifier: MIT
//
// v2 controllers by name: cgroup.controllers and cgroup.subtree_control (kernel/cgroup/cgroup.c,
// 6.1; spec files.md B1). Pure.
#pragma once

#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/engine/cgroup.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::interface {

/// perf_event is in every group without being asked for, and in no list: it has no bit.
inline constexpr std::string_view kImplicitController = "perf_event";

/// Empty for a controller that the kernel does not have on v2.
std::string_view controller_name(engine::Controller controller, const engine::Profile& profile);

/// The names in the kernel's order with single spaces and a newline; nothing for an empty mask.
std::string controller_line(engine::ControllerMask mask, const engine::Profile& profile);

struct SubtreeControlChange {
    engine::ControllerMask enable = 0;
    engine::ControllerMask disable = 0;
    bool enable_implicit = false;  ///< "+perf_event", which cannot be had
};

/// Tokens "+name" and "-name" separated by spaces; of one name the last token counts. EINVAL.
Result<SubtreeControlChange> parse_subtree_control(std::string_view text,
                                                   const engine::Profile& profile);

}  // namespace memcgfs::interface
