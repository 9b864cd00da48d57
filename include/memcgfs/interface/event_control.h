// SPDX-License-Identifier: MIT
//
// The texts of v1's cgroup.event_control (mm/memcontrol.c, 6.1; memcg_write_event_control).
#pragma once

#include <cstdint>
#include <string_view>

#include "memcgfs/base/result.h"

namespace memcgfs::interface {

/// "EFD CFD[ ARGS]". The arguments are part of the text parsed.
struct EventRequest {
    std::uint32_t event_fd = 0;    ///< the writer's eventfd
    std::uint32_t control_fd = 0;  ///< the writer's descriptor of a file of the same group
    std::string_view arguments;
};

/// Strips, then: decimal, one space, decimal, and the end or one space and the rest. EINVAL.
Result<EventRequest> parse_event_request(std::string_view text);

/// Checks the arguments for a control file by its name: a page value for usage_in_bytes and
/// memsw.usage_in_bytes, anything for oom_control, LEVEL[,MODE] for pressure_level. EINVAL, also
/// for any other file.
Result<void> check_event_arguments(std::string_view control_file, std::string_view arguments);

}  // namespace memcgfs::interface
