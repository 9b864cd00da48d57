// SPDX-License-Identifier: MIT
//
// Sequences of calls of the engine: the first two bytes are the seed of a machine, each three
// bytes after that an action of the simulation, what it draws from, and how many steps follow.
// Whatever is called, every checker of the simulation holds after it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sim/run.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace memcgfs::test;
    if (size < 2) {
        return 0;
    }
    constexpr std::size_t kLinesMax = 300;
    constexpr unsigned kStepsMax = 24;
    std::vector<ScriptLine> script;
    for (std::size_t at = 2; at + 3 <= size && script.size() < kLinesMax; at += 3) {
        script.push_back(
            {data[at], data[at + 1], static_cast<std::uint8_t>(data[at + 2] % kStepsMax)});
    }
    const Swarm swarm = swarm_of_seed(data[0] | static_cast<unsigned>(data[1]) << 8U);
    const RunReport report = run_script(swarm, script);
    if (!report.failure.empty()) {
        std::fprintf(stderr, "%s", report.failure.c_str());
        std::abort();
    }
    return 0;
}
