// SPDX-License-Identifier: MIT
//
// Small kernel objects that groups pay for, byte by byte (struct obj_cgroup, 6.1).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "memcgfs/base/units.h"
#include "memcgfs/engine/ids.h"
#include "memcgfs/engine/slab_kind.h"

namespace memcgfs::engine {

class Memcg;

inline constexpr std::size_t kSlabKinds = 2;

/// What one group has. charged * kPageSize is used + rest + what is in the CPUs' stocks.
struct SlabGroup {
    Pages charged{};         ///< as kernel memory
    std::uint64_t used = 0;  ///< bytes of objects
    std::uint64_t rest = 0;  ///< bytes paid for that no stock has (nr_charged_bytes)
    std::vector<std::array<std::uint64_t, kSlabKinds>> objects;  ///< by node
};

/// Bytes of one group that are paid for and wait for objects, of one CPU.
struct SlabStock {
    Memcg* owner = nullptr;
    std::uint64_t bytes = 0;
};

/// Objects of a task, gone when it exits.
struct TaskSlab {
    MemcgId memcg;
    NodeId node = 0;
    std::uint64_t timers = 0;
};

struct SlabState {
    std::map<std::uint64_t, SlabGroup> groups;  ///< by group; only those that have something
    std::vector<SlabStock> stocks;              ///< by CPU
    std::map<std::uint64_t, std::vector<TaskSlab>> tasks;
};

}  // namespace memcgfs::engine
