// SPDX-License-Identifier: MIT
#include "memcgfs/base/slot_map.h"

#include "support/catch.hpp"

namespace memcgfs {
namespace {

struct ThingTag {};
struct Thing {
    Thing(Id<ThingTag> thing_id, int thing_value) : id(thing_id), value(thing_value) {}
    Id<ThingTag> id;
    int value;
};

TEST_CASE("a slot map recognises stale ids", "[base]") {
    SlotMap<Thing, ThingTag> things;
    const auto first = things.emplace(1).id;
    REQUIRE(things.find(first)->value == 1);
    things.erase(first);
    CHECK(things.find(first) == nullptr);

    const auto second = things.emplace(2).id;
    CHECK(second != first);
    CHECK(things.find(first) == nullptr);
    CHECK(things.find(second)->value == 2);
    CHECK(things.find(Id<ThingTag>{}) == nullptr);
    CHECK(things.size() == 1);
}

}  // namespace
}  // namespace memcgfs
