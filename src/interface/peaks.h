// SPDX-License-Identifier: MIT
//
// memory.peak and memory.swap.peak, which an open file may restart for itself (6.12).
//
// The counter's own watermark is restarted at each reset; what it said before is kept here, for
// the whole group and for each open file that has restarted. Engine lock held for everything.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "memcgfs/engine/engine.h"
#include "memcgfs/vfs/provider.h"

namespace memcgfs::interface {

class Peaks {
public:
    /// The peak as the open file with `state` sees it.
    Pages peak(const engine::Engine& engine, engine::Memcg& memcg, engine::CounterKind kind,
               const vfs::OpenState* state) const;
    /// Starts a peak of its own, at the present usage, for the open file with `state`.
    void restart(const engine::Engine& engine, engine::Memcg& memcg, engine::CounterKind kind,
                 std::unique_ptr<vfs::OpenState>& state);
    void forget(engine::MemcgId memcg);

private:
    struct OwnPeak {
        Pages value{};
    };
    struct State;
    struct Record {
        Pages since_ever{};
        std::vector<std::weak_ptr<OwnPeak>> open_files;
    };
    std::map<std::pair<engine::MemcgId, engine::CounterKind>, Record> records_;
};

}  // namespace memcgfs::interface
