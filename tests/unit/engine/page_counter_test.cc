// SPDX-License-Identifier: MIT
#include "memcgfs/engine/page_counter.h"

#include "support/catch.hpp"

namespace memcgfs::engine {
namespace {

TEST_CASE("a refused charge is rolled back at every level", "[engine][page_counter]") {
    PageCounter root;
    PageCounter parent(&root);
    PageCounter child(&parent);
    parent.set_max(Pages{100});
    REQUIRE(child.try_charge(Pages{90}) == nullptr);

    CHECK(child.try_charge(Pages{11}) == &parent);
    CHECK(child.usage() == Pages{90});
    CHECK(parent.usage() == Pages{90});
    CHECK(root.usage() == Pages{90});
    CHECK(parent.failcnt() == 1);
    CHECK(child.failcnt() == 0);
    CHECK(root.failcnt() == 0);
    // The level below the refusing one had it for a moment, and its peak remembers.
    CHECK(child.watermark() == Pages{101});
    CHECK(parent.watermark() == Pages{90});

    CHECK(child.try_charge(Pages{10}) == nullptr);  // equality fits
    CHECK(parent.margin() == Pages{0});
}

TEST_CASE("a forced charge may pass the limit", "[engine][page_counter]") {
    PageCounter counter;
    counter.set_max(Pages{10});
    counter.charge(Pages{12});
    CHECK(counter.usage() == Pages{12});
    CHECK(counter.failcnt() == 0);
    CHECK(counter.margin() == Pages{0});
    CHECK_FALSE(counter.try_set_max(Pages{11}));
    CHECK(counter.max() == Pages{10});
    CHECK(counter.try_set_max(Pages{12}));
    counter.uncharge(Pages{12});
    CHECK(counter.usage() == Pages{0});
    CHECK(counter.watermark() == Pages{12});
    counter.reset_watermark();
    CHECK(counter.watermark() == Pages{0});
}

TEST_CASE("a parent knows how much of its children is protected", "[engine][page_counter]") {
    PageCounter parent;
    PageCounter first(&parent);
    PageCounter second(&parent);
    first.set_min(Pages{10});
    second.set_min(Pages{5});
    CHECK(parent.children_min_usage() == Pages{0});
    first.charge(Pages{4});
    second.charge(Pages{20});
    CHECK(parent.children_min_usage() == Pages{9});
    first.charge(Pages{20});
    CHECK(parent.children_min_usage() == Pages{15});
    second.set_min(Pages{0});
    CHECK(parent.children_min_usage() == Pages{10});
    first.uncharge(Pages{24});
    CHECK(parent.children_min_usage() == Pages{0});
    CHECK(parent.children_low_usage() == Pages{0});
}

}  // namespace
}  // namespace memcgfs::engine
