// SPDX-License-Identifier: MIT
#include "cli/limits_text.h"

#include <algorithm>

namespace memcgfs::cli {

std::string without_tag(const std::string& limits) {
    constexpr const char* kKey = "Max file locks";
    const std::size_t line = limits.find(kKey);
    if (line == std::string::npos) {
        return limits;
    }
    // proc_pid_limits(), fs/proc/base.c, 6.1: four columns, padded.
    const std::string shown =
        "Max file locks            unlimited            unlimited            locks     ";
    const std::size_t end = std::min(limits.find('\n', line), limits.size());
    return limits.substr(0, line) + shown + limits.substr(end);
}

}  // namespace memcgfs::cli
