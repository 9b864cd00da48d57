// SPDX-License-Identifier: MIT
//
// What may happen in a simulation: a table. A new action is a row of one of the actions_*.cc
// tables and a function; nothing else knows it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace memcgfs::test {

class World;

struct Action {
    std::string_view name;
    std::uint32_t weight = 1;
    void (*run)(World& world) = nullptr;
    bool always = false;  ///< no seed leaves it out
};

std::span<const Action> group_actions();   // actions_groups.cc
std::span<const Action> task_actions();    // actions_tasks.cc
std::span<const Action> memory_actions();  // actions_memory.cc
std::span<const Action> knob_actions();    // actions_knobs.cc
std::span<const Action> abuse_actions();   // actions_abuse.cc
std::span<const Action> event_actions();   // actions_events.cc
std::span<const Action> node_actions();    // actions_nodes.cc

/// All of them, always in the same order.
std::vector<Action> all_actions();

}  // namespace memcgfs::test
