// SPDX-License-Identifier: MIT
//
// Values that files keep and nothing else needs: sparse, a knob at its default costs nothing.
//
// Engine lock held for everything.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "memcgfs/engine/ids.h"

namespace memcgfs::interface {

enum class Knob : std::uint8_t { kWmarkMinAdj };

class Knobs {
public:
    std::int64_t get(engine::MemcgId memcg, Knob knob) const {
        const auto found = values_.find({memcg, knob});
        return found == values_.end() ? 0 : found->second;
    }
    void set(engine::MemcgId memcg, Knob knob, std::int64_t value) {
        if (value == 0) {
            values_.erase({memcg, knob});
        } else {
            values_[{memcg, knob}] = value;
        }
    }
    void forget(engine::MemcgId memcg) {
        values_.erase({memcg, Knob::kWmarkMinAdj});
    }

private:
    std::map<std::pair<engine::MemcgId, Knob>, std::int64_t> values_;
};

}  // namespace memcgfs::interface
