// SPDX-License-Identifier: MIT
//
// A seeded workload over engine and executor: groups come and go, tasks touch, read and die,
// limits move, the background workers run, all interleaved by the seed. The engine's invariants
// are checked after every step.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "memcgfs/engine/engine.h"
#include "memcgfs/exec/outbox.h"
#include "memcgfs/exec/sim_executor.h"
#include "memcgfs/exec/trace_hash.h"

namespace memcgfs::test {

struct WorkloadResult {
    std::uint64_t hash = 0;
    std::uint64_t events = 0;
    std::uint64_t steps = 0;
    std::int64_t direct_scans = 0;
    std::int64_t background_scans = 0;
    std::uint64_t kills = 0;
};

struct WorkloadOptions {
    std::uint64_t seed = 1;
    std::string profile = "alinux2";
    engine::Layout layout = engine::Layout::kV1;
    int actions = 200;
};

/// Runs to the end of all operations and of all tasks. Ends the program with the engine's
/// assertion where an invariant does not hold.
WorkloadResult run_workload(const WorkloadOptions& options);

}  // namespace memcgfs::test
