// SPDX-License-Identifier: MIT
//
// What reclaim leaves where a page was: when it went, by the clock of the lruvec that evicted it
// (a shadow entry, mm/workingset.c 6.1; spec engine.md 3.4).
//
// Kept as runs: pages evicted one after another have ages one after another. Engine lock held for
// everything.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "memcgfs/engine/ids.h"

namespace memcgfs::engine {

struct ShadowRun {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    MemcgId evictor;  ///< the group that memory was reclaimed for
    NodeId node = 0;
    /// Age of the evictor's lruvec when page `first` went; the page after it went one later.
    std::uint64_t age = 0;
    bool workingset = false;  ///< the pages had been active
    std::uint64_t end() const { return first + count; }
};

/// The shadows of one mapping. No two runs overlap.
class ShadowMap {
public:
    /// Adds a run over pages that have no shadow; joins it to the run that it continues.
    void put(const ShadowRun& run);
    /// The part of the run that holds `index` from there on, or nothing.
    std::optional<ShadowRun> at(std::uint64_t index) const;
    /// The first page at or after `index` that has a shadow, or nothing.
    std::optional<std::uint64_t> next(std::uint64_t index) const;
    void erase(std::uint64_t first, std::uint64_t count);
    void clear() { runs_.clear(); }
    bool empty() const { return runs_.empty(); }
    std::size_t runs() const { return runs_.size(); }

private:
    std::map<std::uint64_t, ShadowRun> runs_;  // by first page
};

}  // namespace memcgfs::engine
