// SPDX-License-Identifier: MIT
//
// Shadows as runs, against a naive model of one entry a page.
#include "memcgfs/engine/shadow.h"

#include <map>

#include "memcgfs/base/random.h"
#include "support/catch.hpp"

namespace memcgfs::engine {
namespace {

constexpr MemcgId kGroup{1};

TEST_CASE("shadows left in order are one run", "[engine][workingset]") {
    ShadowMap shadows;
    shadows.put({.first = 10, .count = 32, .evictor = kGroup, .age = 100});
    shadows.put({.first = 42, .count = 32, .evictor = kGroup, .age = 132});
    CHECK(shadows.runs() == 1);
    CHECK(shadows.at(50)->age == 140);
    CHECK(shadows.at(50)->count == 24);
    SECTION("not after another eviction") {
        shadows.put({.first = 74, .count = 1, .evictor = kGroup, .age = 165});
        CHECK(shadows.runs() == 2);
    }
    SECTION("not for another group") {
        shadows.put({.first = 74, .count = 1, .evictor = MemcgId{2}, .age = 164});
        CHECK(shadows.runs() == 2);
    }
    SECTION("not for pages that had been active") {
        shadows.put(
            {.first = 74, .count = 1, .evictor = kGroup, .age = 164, .workingset = true});
        CHECK(shadows.runs() == 2);
    }
}

TEST_CASE("runs of shadows act as single ones", "[engine][workingset]") {
    ShadowMap shadows;
    std::map<std::uint64_t, std::uint64_t> model;  // page, age
    Random random(11);
    std::uint64_t clock = 0;
    for (int round = 0; round < 3000; round++) {
        const std::uint64_t first = random.below(200);
        const std::uint64_t count = 1 + random.below(12);
        shadows.erase(first, count);
        for (std::uint64_t page = first; page < first + count; page++) {
            model.erase(page);
        }
        if (random.below(2) == 0) {
            shadows.put({.first = first, .count = count, .evictor = kGroup, .age = clock});
            for (std::uint64_t page = first; page < first + count; page++) {
                model[page] = clock++;
            }
        }
        const std::uint64_t probe = random.below(212);
        const auto run = shadows.at(probe);
        REQUIRE(run.has_value() == model.contains(probe));
        for (std::uint64_t page = 0; run && page < run->count; page++) {
            REQUIRE(model.at(probe + page) == run->age + page);
        }
        const auto next = model.lower_bound(probe);
        REQUIRE(shadows.next(probe) == (next != model.end() ? std::optional(next->first)
                                                            : std::optional<std::uint64_t>()));
    }
}

}  // namespace
}  // namespace memcgfs::engine
