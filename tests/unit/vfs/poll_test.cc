// SPDX-License-Identifier: MIT
#include <poll.h>

#include "unit/vfs/fixture.h"

namespace memcgfs::vfs::testing {
namespace {

constexpr short kQuiet = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
constexpr short kChanged = kQuiet | POLLPRI | POLLERR;

TEST_CASE("a file that was never read has changed", "[vfs]") {
    Fixture f;
    auto file = f.open(kRootNode, "fake.value");
    CHECK(f.tree.poll(*file, {}) == kChanged);
    CHECK(f.read(*file, 1, 1) == "\n");  // any served read counts
    CHECK(f.tree.poll(*file, {}) == kQuiet);
    auto write_only = f.open(kRootNode, "fake.write_only");
    CHECK(f.tree.poll(*write_only, {}) == kChanged);
    auto directory = f.open_directory();
    CHECK(f.tree.poll(*directory, {}) == (POLLIN | POLLRDNORM));
}

TEST_CASE("an empty list has not been seen by reading it", "[vfs]") {
    Fixture f;
    auto file = f.open(kRootNode, "tasks");
    CHECK(f.read(*file, 0).empty());
    CHECK(f.tree.poll(*file, {}) == kChanged);
    f.provider.set_list("1\n");
    CHECK(f.read(*file, 0) == "1\n");
    CHECK(f.tree.poll(*file, {}) == kQuiet);
}

TEST_CASE("a file can be watched once it has been looked up", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const NodeId b = f.mkdir(a, "b");
    const DirKey key = f.provider.last_key();
    CHECK_FALSE(f.tree.watchable_path(key, FileIndex{kEvents}));
    REQUIRE(f.tree.lookup(b, "fake.events").ok());
    CHECK(f.tree.watchable_path(key, FileIndex{kEvents}) == "a/b/fake.events");
    REQUIRE(f.tree.lookup(b, "fake.value").ok());
    CHECK_FALSE(f.tree.watchable_path(key, FileIndex{kValue}));  // it announces nothing
    REQUIRE(f.tree.rmdir(a, "b").ok());
    CHECK_FALSE(f.tree.watchable_path(key, FileIndex{kEvents}));
    REQUIRE(f.tree.mkdir(a, "b", 0755, {}).ok());
    CHECK_FALSE(f.tree.watchable_path(f.provider.last_key(), FileIndex{kEvents}));
}

TEST_CASE("notify wakes the pollers of that file once", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const DirKey key = f.provider.last_key();
    auto first = f.open(a, "fake.events");
    auto second = f.open(a, "fake.events");
    auto root = f.open(kRootNode, "fake.events");
    for (OpenFile* file : {first.get(), second.get(), root.get()}) {
        f.read(*file, 0);
    }
    int calls = 0;
    int root_calls = 0;
    CHECK(f.tree.poll(*first, [&] { calls++; }) == kQuiet);
    CHECK(f.tree.poll(*root, [&] { root_calls++; }) == kQuiet);
    f.tree.notify(key, FileIndex{kEvents});
    f.tree.notify(key, FileIndex{kEvents});
    CHECK(calls == 1);
    CHECK(root_calls == 0);
    CHECK(f.tree.poll(*first, {}) == kChanged);
    CHECK(f.tree.poll(*second, {}) == kChanged);
    CHECK(f.tree.poll(*root, {}) == kQuiet);
    f.read(*first, 0);
    CHECK(f.tree.poll(*first, {}) == kQuiet);
    CHECK(f.tree.poll(*second, {}) == kChanged);
    second.reset();
    f.tree.notify(key, FileIndex{kEvents});  // the closed one is not looked at
    f.tree.notify(key, FileIndex{kValue});
}

TEST_CASE("a file that was written to is woken alone, and one poll takes it", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    f.provider.set_optional(f.provider.last_key(), true);
    auto armed = f.open(a, "fake.optional");
    auto other = f.open(a, "fake.optional");
    for (OpenFile* file : {armed.get(), other.get()}) {
        f.read(*file, 0);
        CHECK(f.tree.poll(*file, {}) == kChanged);  // reading makes no difference
    }
    CHECK(f.write(*armed, "invalid") == EINVAL);
    CHECK(f.tree.poll(*armed, {}) == kChanged);
    REQUIRE(f.write(*armed, "trigger") == 0);
    const OpenId id = f.provider.last_context().open;
    int calls = 0;
    CHECK(f.tree.poll(*armed, [&] { calls++; }) == kQuiet);
    CHECK(f.tree.poll(*other, {}) == kChanged);
    f.tree.wake(id, true);
    f.tree.wake(id, true);
    CHECK(calls == 1);
    CHECK(f.tree.poll(*armed, {}) == (kQuiet | POLLPRI));
    CHECK(f.tree.poll(*armed, [&] { calls++; }) == kQuiet);
    SECTION("its end wakes too") {
        REQUIRE(f.tree.rmdir(kRootNode, "a").ok());
        f.tree.wake(id, false);
        CHECK(calls == 2);
        CHECK(f.tree.poll(*armed, {}) == kChanged);
    }
    SECTION("a closed one is not looked at") {
        armed.reset();
        f.tree.wake(id, true);
        CHECK(calls == 1);
    }
}

TEST_CASE("a removed file polls as changed", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    auto file = f.open(a, "fake.value");
    f.read(*file, 0);
    CHECK(f.tree.poll(*file, {}) == kQuiet);
    REQUIRE(f.tree.rmdir(kRootNode, "a").ok());
    CHECK(f.tree.poll(*file, {}) == kChanged);
}

}  // namespace
}  // namespace memcgfs::vfs::testing
