// SPDX-License-Identifier: MIT
//
// /proc/PID/limits (proc(5)) of a process in a run. Text in, text out.
#pragma once

#include <string>

namespace memcgfs::cli {

/// The text with no limit on file locks, whose place the membership tag has taken.
std::string without_tag(const std::string& limits);

}  // namespace memcgfs::cli
