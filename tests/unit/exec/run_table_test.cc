// SPDX-License-Identifier: MIT
#include "exec/run_table.h"

#include "fakes.h"
#include "support/catch.hpp"

namespace memcgfs::exec {
namespace {

void add(RunTable& table, std::uint64_t id) {
    table.add(fake(id, [](FakeOperation&) { return done_step(); }), {});
}

TEST_CASE("a wake-up during a step ends the wait that follows", "[exec]") {
    RunTable table;
    add(table, 1);
    RunTable::Entry& entry = table.take(0);
    CHECK_FALSE(table.wake(entry));
    table.settle(entry, wait_step());
    CHECK(table.runnable() == 1);

    // It counts once.
    RunTable::Entry& again = table.take(0);
    table.settle(again, wait_step());
    CHECK(table.runnable() == 0);
    CHECK(table.wake(again));
    CHECK(table.runnable() == 1);
    CHECK_FALSE(table.wake(again));
    CHECK(table.runnable() == 1);
}

TEST_CASE("sleepers wake in the order of their times, and an early wake-up cancels the sleep",
          "[exec]") {
    RunTable table;
    for (std::uint64_t id = 1; id <= 4; id++) {
        add(table, id);
    }
    const Nanos times[] = {Nanos{30}, Nanos{10}, Nanos{20}, Nanos{10}};
    for (const Nanos time : times) {
        table.settle(table.take(0), sleep_step(time));
    }
    CHECK(table.next_due() == Nanos{10});
    CHECK(table.wake(*table.find(OperationId{3})));
    CHECK(table.take(0).operation->id() == OperationId{3});
    table.wake_due(Nanos{9});
    CHECK(table.runnable() == 0);
    table.wake_due(Nanos{30});
    REQUIRE(table.runnable() == 3);
    CHECK(table.take(0).operation->id() == OperationId{2});
    CHECK(table.take(0).operation->id() == OperationId{4});
    CHECK(table.take(0).operation->id() == OperationId{1});
    CHECK_FALSE(table.next_due());
}

TEST_CASE("a removed operation cannot be found", "[exec]") {
    RunTable table;
    add(table, 7);
    const auto owned = table.remove(table.take(0));
    CHECK(owned->operation->id() == OperationId{7});
    CHECK(table.find(OperationId{7}) == nullptr);
    CHECK(table.empty());
}

}  // namespace
}  // namespace memcgfs::exec
