// SPDX-License-Identifier: MIT
//
// What fuzz targets on the file tables share: effects kept, operations run at once in virtual time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "memcgfs/base/assert.h"
#include "memcgfs/interface/cgroup_fs.h"

namespace memcgfs::fuzz {

class Sink final : public engine::EffectSink {
public:
    void emit(engine::Effect effect) override {
        if (auto* spawn = std::get_if<engine::SpawnEffect>(&effect)) {
            spawned.push_back(std::move(spawn->operation));
        }
    }
    std::vector<engine::OperationPtr> spawned;
};

class NoTasks final : public world::TaskTable {
public:
    Result<world::ProcessInfo> find(std::int32_t, std::int32_t) override {
        return Err(Errno::kESRCH);
    }
    std::vector<world::ProcessInfo> snapshot() override {
        world::ProcessInfo process;
        process.pid = 1;
        return {process};
    }
};

/// What a fuzzed input begins with: the kernel, and the version.
struct Choice {
    const engine::Profile& profile;
    engine::Layout layout;
    std::string_view rest;
};

/// Not in the order of profiles(), which new ones change: inputs are kept.
inline const engine::Profile& profile_of(std::uint8_t byte) {
    constexpr std::array<std::string_view, 8> kNames{"alinux2", "5.10", "6.1", "6.12",
                                                     "2.6.33",  "3.10", "6.1", "6.12"};
    return *engine::find_profile(kNames[byte % kNames.size()]);
}

/// `size` is not zero.
inline Choice choose(const std::uint8_t* data, std::size_t size) {
    const engine::Profile& profile = profile_of(data[0]);
    const bool v1 = profile.v1_memory && ((data[0] & 0x80U) != 0 || !engine::has_v2(profile));
    return {profile, v1 ? engine::Layout::kV1 : engine::Layout::kV2,
            std::string_view(reinterpret_cast<const char*>(data + 1), size - 1)};
}

/// Takes the first line off, without its end.
inline std::string_view next_line(std::string_view& rest) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    return line;
}

/// Steps it to its end, and what it started after it. What nobody would end is interrupted.
inline void run_to_end(engine::OperationPtr operation, ManualClock& clock, Sink& sink) {
    constexpr int kStepsMax = 100'000;
    std::vector<engine::OperationPtr> todo;
    todo.push_back(std::move(operation));
    while (!todo.empty()) {
        const engine::OperationPtr next = std::move(todo.back());
        todo.pop_back();
        for (int steps = 0;; ++steps) {
            MEMCGFS_ASSERT(steps < kStepsMax);
            const Step step = next->step();
            if (step.kind == Step::Kind::kDone) {
                break;
            }
            if (step.kind == Step::Kind::kWait) {
                next->interrupt();
            }
            clock.advance_to(step.until);
        }
        for (; !sink.spawned.empty(); sink.spawned.pop_back()) {
            todo.push_back(std::move(sink.spawned.back()));
        }
    }
}

}  // namespace memcgfs::fuzz
