// SPDX-License-Identifier: MIT
//
// The order in which one group's compressed pages are written back (struct list_lru of
// mm/zswap.c, 6.12): the longest stored first, each passed over once after it has been stored.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "memcgfs/engine/engine.h"

namespace memcgfs::engine {

class ZswapLru {
public:
    struct Entry {
        MappingId mapping;
        std::uint64_t index = 0;
    };

    bool empty() const { return runs_.empty(); }
    std::uint64_t size() const { return size_; }
    /// Newly stored pages, which are not in the list.
    void add(MappingId mapping, Engine::Range range);
    /// Takes out what is in the list of these pages.
    void remove(MappingId mapping, Engine::Range range);
    /// Takes the oldest entry out; nothing if it gets its second chance (or the list is empty).
    std::optional<Entry> pop();
    /// All of `other`'s entries are the oldest ones here from now on.
    void take_over(ZswapLru& other);

private:
    /// Pages stored one after another; the first is the oldest.
    struct Run {
        MappingId mapping;
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        bool referenced = false;
        std::uint64_t end() const { return first + count; }
    };
    using Runs = std::list<Run>;
    using Key = std::pair<std::uint64_t, std::uint64_t>;  ///< mapping, first page
    static Key key(const Run& run) { return {run.mapping.value, run.first}; }
    void append(const Run& run);

    Runs runs_;  ///< oldest first
    std::map<Key, Runs::iterator> by_page_;
    std::uint64_t size_ = 0;
};

}  // namespace memcgfs::engine
