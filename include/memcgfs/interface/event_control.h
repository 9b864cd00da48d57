// SPDX-License-Identifier: MIT
//
// The texts of v1's cgroup.event_control (mm/memcontrol.c, 6.1; memcg_write_event_control).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/engine/notify.h"

namespace memcgfs::interface {

/// "EFD CFD[ ARGS]". The arguments are part of the text parsed.
struct EventRequest {
    std::uint32_t event_fd = 0;    ///< the writer's eventfd
    std::uint32_t control_fd = 0;  ///< the writer's descriptor of a file of the same group
    std::string_view arguments;
};

/// Strips, then: decimal, one space, decimal, and the end or one space and the rest. EINVAL.
Result<EventRequest> parse_event_request(std::string_view text);

/// What the arguments mean for a control file by its name: a page value for usage_in_bytes and
/// memsw.usage_in_bytes, anything for oom_control, LEVEL[,MODE] for pressure_level. EINVAL, also
/// for any other file.
Result<engine::EventSpec> parse_event_arguments(std::string_view control_file,
                                                std::string_view arguments);

/// The files of a group that a request may name.
inline constexpr std::array<std::string_view, 4> kEventFiles = {
    "memory.usage_in_bytes", "memory.memsw.usage_in_bytes", "memory.oom_control",
    "memory.pressure_level"};

}  // namespace memcgfs::interface
