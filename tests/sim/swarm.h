// SPDX-License-Identifier: MIT
//
// What one seed makes of a run: machine, profile, layout, which actions happen and which faults.
//
// Swarm testing (Groce and others, 2012): a run that lacks most features reaches states that a run
// with all of them never sees, so every seed leaves a random part of them out.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "memcgfs/engine/engine.h"

namespace memcgfs::test {

struct Swarm {
    std::uint64_t seed = 1;
    const engine::Profile* profile = nullptr;
    engine::Layout layout = engine::Layout::kV2;
    engine::Machine machine;
    std::uint32_t actions = 100;       ///< how many are done
    std::uint64_t steps_between = 40;  ///< operations go on for fewer steps than this between two
    std::size_t groups_max = 8;
    std::size_t tasks_max = 16;
    std::uint64_t scale = 600;  ///< pages: the size of a typical range, limits are around it
    /// Chance of each action by its number in the table; 0 leaves it out.
    std::vector<std::uint32_t> weights;
    /// Each passage of a fault site fires one time in this many; 0: never.
    std::array<std::uint32_t, static_cast<std::size_t>(engine::FaultSite::kCount)> faults{};
    /// Actions that are drawn and not done, by their position in the run: how a failing run is
    /// made smaller without changing the rest of it.
    std::vector<bool> skipped;
};

Swarm swarm_of_seed(std::uint64_t seed);

/// One line for people.
std::string describe(const Swarm& swarm);

}  // namespace memcgfs::test
