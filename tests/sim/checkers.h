// SPDX-License-Identifier: MIT
//
// What must hold between any two steps, computed anew from the pages themselves: independent of
// the sums that the engine keeps, and of its own check_invariants().
//
// Each checker has a name; canary_test.cc damages an engine for each of them and wants it found.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "sim/world.h"
#include "support/engine_access.h"

namespace memcgfs::test {

/// What one memcg's pages sum up to, counted extent by extent.
struct Tally {
    std::int64_t anon = 0;
    std::int64_t anon_thp = 0;
    std::int64_t file = 0;  ///< with shmem
    std::int64_t shmem = 0;
    std::int64_t mapped = 0;
    std::int64_t swap_cached = 0;
    std::int64_t swapped = 0;
    std::array<std::int64_t, engine::kLruListCount> lists{};
};

/// What a memcg was at the last check, for what must not go back.
struct Remembered {
    Pages usage{};
    Pages max{};
    Pages memsw{};
    Pages memsw_max{};
    std::int64_t kernel = 0;  ///< of the subtree
    std::array<std::uint64_t, engine::kMemcgEventCount> local{};
    std::array<std::uint64_t, engine::kMemcgEventCount> total{};
    std::array<std::int64_t, engine::kStatItemCount> stat{};
    std::uint64_t shown = 0;  ///< all that the told files show, in one number
};

/// What the files whose changes are told (ContentWatch) show, in one number.
std::uint64_t shown_by(const engine::Engine& engine, const engine::Memcg& memcg);

/// True for a number of pages now, false for one of events ever.
constexpr bool counts_now(engine::StatItem item) {
    using engine::StatItem;
    return item < StatItem::kWorkingsetRefaultAnon ||
           (item >= StatItem::kKernel && item <= StatItem::kZswapped);
}

struct Scene {
    engine::Engine& engine;
    engine::Engine::State& state;
    const LiveOperations& live;
    std::map<const engine::Memcg*, Tally> tallies;
    std::map<engine::MemcgId, Remembered>& before;
};

struct Checker {
    std::string_view name;
    void (*check)(Scene& scene);  ///< throws Violation
    bool slow = false;            ///< looks at every extent
};

std::span<const Checker> checkers();

class Checkers {
public:
    explicit Checkers(engine::Engine& engine, const LiveOperations& live)
        : engine_(engine), live_(live) {}

    /// All of them, or without the slow ones. Engine lock held.
    void run(bool slow_too);
    /// One by its name, with what has been remembered so far.
    void run_one(std::string_view name);

private:
    Scene scene(bool slow_too);

    engine::Engine& engine_;
    const LiveOperations& live_;
    std::map<engine::MemcgId, Remembered> before_;
};

}  // namespace memcgfs::test
