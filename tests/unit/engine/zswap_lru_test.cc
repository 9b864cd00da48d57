// SPDX-License-Identifier: MIT
#include "engine/zswap_lru.h"

#include "support/catch.hpp"

namespace memcgfs::engine {
namespace {

constexpr MappingId kA{1};
constexpr MappingId kB{2};

TEST_CASE("compressed pages leave in the order they came, after a second chance", "[zswap]") {
    ZswapLru lru;
    lru.add(kA, {10, 2});
    lru.add(kB, {5, 1});
    CHECK(lru.size() == 3);
    for (int chance = 0; chance < 3; chance++) {
        CHECK_FALSE(lru.pop());
    }
    CHECK(lru.size() == 3);
    CHECK(lru.pop()->index == 10);
    CHECK(lru.pop()->index == 11);
    const auto last = lru.pop();
    CHECK(last->mapping == kB);
    CHECK(last->index == 5);
    CHECK(lru.empty());
    CHECK_FALSE(lru.pop());
}

TEST_CASE("compressed pages that are read leave the list wherever they are", "[zswap]") {
    ZswapLru lru;
    lru.add(kA, {0, 10});
    lru.add(kA, {20, 10});
    lru.add(kB, {0, 10});
    lru.remove(kA, {4, 2});    // in the middle of a run
    lru.remove(kA, {8, 14});   // the end of one and the beginning of the next
    lru.remove(kA, {100, 5});  // not there
    CHECK(lru.size() == 24);
    std::vector<std::uint64_t> order;
    while (!lru.empty()) {
        if (const auto entry = lru.pop()) {
            order.push_back(entry->index + (entry->mapping == kB ? 1000 : 0));
        }
    }
    CHECK(order == std::vector<std::uint64_t>{0,    1,    2,    3,    6,    7,    22,   23,
                                              24,   25,   26,   27,   28,   29,   1000, 1001,
                                              1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009});
}

TEST_CASE("a removed group's compressed pages are the oldest of its parent's", "[zswap]") {
    ZswapLru parent;
    ZswapLru child;
    parent.add(kA, {0, 1});
    child.add(kB, {7, 2});
    parent.take_over(child);
    CHECK(child.empty());
    CHECK(child.size() == 0);
    CHECK(parent.size() == 3);
    parent.remove(kB, {7, 1});
    for (int chance = 0; chance < 2; chance++) {
        CHECK_FALSE(parent.pop());
    }
    CHECK(parent.pop()->index == 8);
    CHECK(parent.pop()->index == 0);
}

}  // namespace
}  // namespace memcgfs::engine
