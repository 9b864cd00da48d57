// SPDX-License-Identifier: MIT
#include "memcgfs/vfs/tree.h"

#include "unit/vfs/fixture.h"

namespace memcgfs::vfs::testing {
namespace {

TEST_CASE("lookup finds files and directories", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    CHECK(f.node(kRootNode, "a") == a);
    CHECK(f.node(a, "fake.value") != f.node(kRootNode, "fake.value"));
    CHECK(error_of(f.tree.lookup(kRootNode, "none")) == ENOENT);
    CHECK(error_of(f.tree.lookup(f.node(a, "tasks"), "x")) == ENOTDIR);
    CHECK(error_of(f.tree.lookup(NodeId{0}, "x")) == ENOENT);
    CHECK(error_of(f.tree.getattr(NodeId{~0ULL})) == ENOENT);
}

TEST_CASE("mkdir refuses what the kernel refuses", "[vfs]") {
    Fixture f;
    f.mkdir(kRootNode, "a");
    const auto mkdir_error = [&](NodeId parent, std::string_view name) {
        return error_of(f.tree.mkdir(parent, name, 0755, f.user));
    };
    CHECK(mkdir_error(kRootNode, "a") == EEXIST);
    CHECK(mkdir_error(kRootNode, "fake.value") == EEXIST);
    CHECK(mkdir_error(kRootNode, "fake.optional") == 0);  // not a file here
    CHECK(mkdir_error(kRootNode, "x\ny") == EINVAL);
    CHECK(mkdir_error(kRootNode, "forbidden") == EAGAIN);
    CHECK(mkdir_error(kRootNode, " :\\\x01\xff") == 0);
    CHECK(mkdir_error(kRootNode, std::string(300, 'n')) == 0);
    CHECK(mkdir_error(f.node(kRootNode, "tasks"), "x") == ENOTDIR);

    Fixture layout{DirKey{}};
    CHECK(error_of(layout.tree.mkdir(kRootNode, "x", 0755, layout.user)) == EPERM);
}

TEST_CASE("rmdir", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const DirKey key = f.provider.last_key();
    f.mkdir(a, "b");
    CHECK(error_of(f.tree.rmdir(kRootNode, "none")) == ENOENT);
    CHECK(error_of(f.tree.rmdir(kRootNode, "tasks")) == ENOTDIR);
    CHECK(error_of(f.tree.rmdir(kRootNode, "a")) == EBUSY);
    REQUIRE(f.tree.rmdir(a, "b").ok());
    f.provider.set_busy(key, true);
    CHECK(error_of(f.tree.rmdir(kRootNode, "a")) == EBUSY);
    f.provider.set_busy(key, false);
    CHECK(error_of(f.tree.rmdir(kRootNode, "a")) == 0);
    CHECK(error_of(f.tree.lookup(kRootNode, "a")) == ENOENT);
    CHECK(error_of(f.tree.lookup(a, "tasks")) == ENOENT);
    CHECK(error_of(f.tree.mkdir(a, "c", 0755, f.user)) == ENOENT);

    Fixture layout{DirKey{}};
    layout.tree.add_hierarchy("memory", FakeProvider::kRoot);
    CHECK(error_of(layout.tree.rmdir(kRootNode, "memory")) == EBUSY);
}

TEST_CASE("a removed directory leaves when nothing holds it", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const NodeId b = f.mkdir(a, "b");
    const NodeId value = f.node(b, "fake.value");
    f.tree.hold(b);
    f.tree.hold(value);
    f.tree.hold(value);
    REQUIRE(f.tree.rmdir(a, "b").ok());
    REQUIRE(f.tree.rmdir(kRootNode, "a").ok());
    CHECK(f.tree.getattr(b).value().links == 2);
    CHECK(f.tree.getattr(value).value().links == 1);
    CHECK(f.tree.getattr(a).ok());  // the parent of one that is held

    f.tree.forget(b, 1);
    CHECK(f.tree.getattr(b).ok());
    f.tree.forget(value, 2);
    CHECK(error_of(f.tree.getattr(value)) == ENOENT);
    CHECK(error_of(f.tree.getattr(b)) == ENOENT);
    CHECK(error_of(f.tree.getattr(a)) == ENOENT);
    f.tree.forget(b, 1);  // late, and ignored
    CHECK(f.mkdir(kRootNode, "a") != a);
}

TEST_CASE("rename where directories are renamed", "[vfs]") {
    Fixture f;
    f.provider.set_renames(true);
    const NodeId a = f.mkdir(kRootNode, "a");
    const NodeId b = f.mkdir(kRootNode, "b");
    const auto rename = [&](std::string_view from, NodeId parent, std::string_view to,
                            unsigned flags = 0) {
        return error_of(f.tree.rename(kRootNode, from, {parent, to, flags}));
    };
    CHECK(rename("none", kRootNode, "x") == ENOENT);
    CHECK(rename("tasks", kRootNode, "x") == ENOTDIR);
    CHECK(rename("a", b, "a") == EIO);
    CHECK(rename("a", kRootNode, "b") == EEXIST);
    CHECK(rename("a", kRootNode, "tasks") == EEXIST);
    CHECK(rename("a", kRootNode, "x\n") == EINVAL);
    CHECK(rename("a", kRootNode, "x", 1) == EINVAL);
    CHECK(rename("a", kRootNode, "x") == 0);
    CHECK(f.node(kRootNode, "x") == a);
    CHECK(error_of(f.tree.lookup(kRootNode, "a")) == ENOENT);
    CHECK(error_of(f.tree.rmdir(kRootNode, "x")) == 0);
}

TEST_CASE("rename where directories are not renamed", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const auto rename = [&](std::string_view from, NodeId parent, std::string_view to,
                            unsigned flags = 0) {
        return error_of(f.tree.rename(kRootNode, from, {parent, to, flags}));
    };
    CHECK(rename("tasks", kRootNode, "x") == EPERM);
    CHECK(rename("a", kRootNode, "x") == EPERM);
    CHECK(rename("a", kRootNode, "x\n") == EPERM);
    CHECK(rename("a", a, "x") == EPERM);
    CHECK(rename("a", kRootNode, "x", 2) == EINVAL);
}

TEST_CASE("unlink never works", "[vfs]") {
    Fixture f;
    f.mkdir(kRootNode, "a");
    CHECK(error_of(f.tree.unlink(kRootNode, "tasks")) == EPERM);
    CHECK(error_of(f.tree.unlink(kRootNode, "a")) == EISDIR);
    CHECK(error_of(f.tree.unlink(kRootNode, "none")) == ENOENT);
}

TEST_CASE("a file that comes back is a new node", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    const DirKey key = f.provider.last_key();
    CHECK(error_of(f.tree.lookup(a, "fake.optional")) == ENOENT);

    f.provider.set_optional(key, true);
    const Attributes first = f.tree.lookup(a, "fake.optional").value();
    CHECK_FALSE(first.permanent);
    CHECK(f.tree.lookup(a, "tasks").value().permanent);
    auto file = f.open(a, "fake.optional");
    CHECK(f.read(*file, 0) == "0\n");

    // Off and on again without a look in between: the open file must notice all the same.
    f.provider.set_optional(key, false);
    f.provider.set_optional(key, true);
    CHECK(f.read_error(*file, 0) == ENODEV);
    CHECK(f.write(*file, "1") == ENODEV);
    const Attributes second = f.tree.lookup(a, "fake.optional").value();
    CHECK(second.node != first.node);
    CHECK(second.inode > first.inode);
    CHECK(f.tree.getattr(first.node).value().inode == first.inode);  // still open
    file.reset();
    f.tree.hold(second.node);
    f.tree.forget(second.node, 1);
    CHECK(error_of(f.tree.getattr(first.node)) == ENOENT);
    CHECK(f.tree.getattr(second.node).ok());
}

}  // namespace
}  // namespace memcgfs::vfs::testing
