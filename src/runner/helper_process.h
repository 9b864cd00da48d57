// SPDX-License-Identifier: MIT
//
// What a helper does first, just forked: it lets go of all that was its parent's.
#pragma once

#include <vector>

namespace memcgfs::runner {

/// Its own session and ignored INT, QUIT, TERM, HUP, PIPE and TSTP keep a Ctrl-C or the end of the
/// terminal away; none of the parent's descriptors stays but `keep_fds`, so that it keeps no pipe,
/// terminal or mount busy. False: something is wrong with the host, and it had better end.
bool become_helper(const char* name, std::vector<int> keep_fds);

}  // namespace memcgfs::runner
