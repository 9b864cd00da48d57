// SPDX-License-Identifier: MIT
//
// One seed from its first action to the end of everything.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sim/world.h"

namespace memcgfs::test {

struct RunReport {
    std::string failure;  ///< empty: everything held
    std::uint64_t hash = 0;
    std::uint64_t events = 0;
    std::uint64_t steps = 0;
    std::uint64_t kills = 0;
    std::int64_t direct_scans = 0;
    std::uint64_t torn = 0;       ///< huge pages given up in part
    std::uint64_t collapsed = 0;  ///< huge pages charged for khugepaged
    std::int64_t background_scans = 0;
};

struct RunOptions {
    /// Every checker after every step; else the slow ones after every eighth.
    bool check_always = false;
    /// Prints each action before it is done.
    bool verbose = false;
};

/// One action of a run that is written down instead of drawn.
struct ScriptLine {
    std::uint8_t action = 0;  ///< its number in the table, modulo the table's size
    std::uint8_t random = 0;  ///< what the action draws from
    std::uint8_t steps = 0;   ///< how long operations go on afterwards
};

/// Does the lines instead of the swarm's own actions; else as run_swarm().
RunReport run_script(const Swarm& swarm, std::span<const ScriptLine> script);

/// Does the run of `swarm`. A violation ends up in the report, an assertion ends the program;
/// print_progress() tells how far it was.
RunReport run_swarm(const Swarm& swarm, const RunOptions& options = {});

/// Seed, step and the last events of the run under way in this thread, to stderr. For a handler
/// of SIGABRT: does nothing when no run is under way.
void print_progress();

}  // namespace memcgfs::test
