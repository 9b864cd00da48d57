// SPDX-License-Identifier: MIT
//
// What this host lets memcgfs do, found out by doing it.
#pragma once

#include <string_view>
#include <vector>

namespace memcgfs::runner {

/// One thing that a host may forbid or lack.
struct HostFinding {
    std::string_view what;     ///< "user namespaces"
    int error = 0;             ///< errno of the attempt; 0: it is there
    bool essential = false;    ///< without it neither mounts nor runs work, or not both
    std::string_view without;  ///< what its lack costs, a sentence
};

/// Tries each in a process of its own, which leaves nothing behind. For this process' user and
/// capabilities. Only while the process has one thread.
std::vector<HostFinding> examine_host();

/// Whether files of FUSE whose reads and writes all come to their server can be mapped shared.
bool maps_served_files();

}  // namespace memcgfs::runner
