// SPDX-License-Identifier: MIT
//
// Pages of the books that are locked, or in swap.
#include "memcgfs/meter/ledger.h"
#include "support/catch.hpp"
#include "unit/meter/books.h"

namespace memcgfs::meter {
namespace {

TEST_CASE("locked pages are unevictable as long as they are locked") {
    Books books(Pages{50});
    const auto unevictable = [&] {
        return books.group.memcg->stat_total(engine::StatItem::kUnevictable);
    };
    const auto lock = [&](std::uint64_t locked, std::uint64_t anon) {
        books.ledger.locks(kParent, Pages{locked});
        // What is locked is paid for apart from the rest.
        REQUIRE(books.look(kParent, anon));
        REQUIRE(books.look(kParent, anon));
    };
    REQUIRE(books.look(kParent, 350));
    lock(200, 550);
    CHECK(unevictable() == 200);
    CHECK(books.charged() == 500);

    SECTION("pages that were there before are locked") {
        lock(400, 550);
        CHECK(unevictable() == 400);
        CHECK(books.charged() == 500);
        lock(2000, 600);  // of files, too
        CHECK(unevictable() == 550);
        CHECK(books.charged() == 550);
    }
    SECTION("some are unlocked, or given back") {
        lock(120, 550);
        CHECK(unevictable() == 120);
        CHECK(books.charged() == 500);
        lock(120, 200);
        CHECK(unevictable() == 120);
        CHECK(books.charged() == 150);
        lock(20, 60);
        CHECK(unevictable() == 20);
        lock(0, 60);
        CHECK(unevictable() == 0);
        CHECK(books.charged() == 20);
    }
    SECTION("what a fork shares stays locked until the parent ends") {
        books.ledger.fork({.parent = kParent, .child = kChild});
        REQUIRE(books.look(kChild, 600));
        CHECK(unevictable() == 200);
        books.ledger.exit(kParent);
        CHECK(unevictable() == 0);
        CHECK(books.charged() == 550);
    }
    SECTION("another program has locked nothing") {
        books.ledger.exec(kParent, "true");
        REQUIRE(books.look(kParent, 100));
        CHECK(unevictable() == 0);
        CHECK(books.charged() == 100);
    }
}

TEST_CASE("with swap the rest is booked as swap") {
    engine::Machine machine = test::roomy_machine();
    test::add_zram(machine, mib(64));
    Books books(Pages{0}, machine);
    books.f.limit(books.group, mib(1));
    CHECK(books.look(kParent, 1000));
    CHECK(books.group.memcg->memory.usage() <= mib(1));
    CHECK(books.group.memcg->swap.usage() >= Pages{1000} - mib(1));
    CHECK(books.look(kParent, 0));
    CHECK(books.group.memcg->swap.usage() == Pages{0});
}

/// Of 1000 pages as many are in memory as fit into a MiB.
struct EvictedBooks : Books {
    EvictedBooks() : Books(Pages{0}, machine()) {
        f.limit(group, mib(1));
        REQUIRE(look_at(1000, 0));
    }
    static engine::Machine machine() {
        engine::Machine machine = test::roomy_machine();
        test::add_zram(machine, mib(64));
        return machine;
    }
    bool look_at(std::uint64_t anon, std::uint64_t evicted) {
        auto payment = ledger.sampled(kParent, Pages{anon}, Pages{evicted});
        return payment == nullptr || settle(kParent, std::move(payment)).ok();
    }
    std::uint64_t swapped() const { return ledger.swapped(kParent).count(); }
};

TEST_CASE("what is given back is of the kind that it was") {
    EvictedBooks books;
    const std::uint64_t swapped = books.swapped();
    const std::uint64_t charged = books.charged();
    REQUIRE(swapped >= 1000 - 256);
    REQUIRE(swapped + charged == 1000);
    CHECK(books.look_at(charged, swapped));
    // Evicted pages go, then others; and again where there are holes.
    CHECK(books.look_at(charged, swapped - 100));
    CHECK(books.swapped() == swapped - 100);
    CHECK(books.charged() == charged);
    CHECK(books.look_at(charged - 50, swapped - 100));
    CHECK(books.swapped() == swapped - 100);
    CHECK(books.charged() == charged - 50);
    CHECK(books.look_at(charged - 60, swapped - 130));
    CHECK(books.swapped() == swapped - 130);
    CHECK(books.charged() == charged - 60);
    // What comes anew takes their places.
    CHECK(books.look_at(charged - 20, swapped - 130));
    CHECK(books.charged() + books.swapped() == charged + swapped - 150);
    CHECK(books.look_at(0, 0));
    CHECK(books.charged() == 0);
    CHECK(books.swapped() == 0);
    books.f.engine.check_invariants();
}

TEST_CASE("pages come back from swap, in the place of others where there is no room") {
    using enum Ledger::Grant::Answer;
    EvictedBooks books;
    const std::uint64_t swapped = books.swapped();
    auto grant = books.ledger.grant_back(kParent, Pages{8}, Pages{swapped});
    REQUIRE(grant.answer == kPay);
    CHECK(grant.pages <= Pages{8});
    CHECK(books.ledger.grant_back(kParent, Pages{8}, Pages{swapped}).answer == kLater);
    CHECK(books.settle(kParent, std::move(grant.operation)).ok());
    CHECK(books.group.memcg->memory.usage() <= mib(1));
    CHECK(books.charged() + books.swapped() == 1000);
    // Nothing has been evicted since: more are in the swap file than the books have in swap.
    const std::uint64_t now = books.swapped();
    const auto free = books.ledger.grant_back(kParent, Pages{8}, Pages{now + 3});
    CHECK(free.answer == kFree);
    CHECK(free.pages == Pages{3});
    books.f.limit(books.group, mib(16));
    grant = books.ledger.grant_back(kParent, Pages{8}, Pages{now});
    REQUIRE(grant.answer == kPay);
    const Pages pages = grant.pages;
    CHECK(books.settle(kParent, std::move(grant.operation)).ok());
    CHECK(books.swapped() == now - pages.count());
    CHECK(books.ledger.grant_back(999, Pages{8}, Pages{0}).answer == kFree);
}

}  // namespace
}  // namespace memcgfs::meter
