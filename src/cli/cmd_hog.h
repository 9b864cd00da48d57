// SPDX-License-Identifier: MIT
//
// The puppet: a real, killable process whose memory is simulated by the tree it lives in.
#pragma once

namespace memcgfs::cli {

/// Runs a puppet to its end; argv[0] is "hog". Its options and steps are in the usage text.
/// Answers each step with one line on stdout. Returns the exit status: 0, 2 (unknown option or
/// step, no tree), 3 (host failure), 4 (could not join), 127 (-x: no such command), and with -s
/// the child's, or 128 + the signal that ended it.
int cmd_hog(int argc, char** argv);

}  // namespace memcgfs::cli
