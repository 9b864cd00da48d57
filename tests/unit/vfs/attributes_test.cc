// SPDX-License-Identifier: MIT
#include "unit/vfs/fixture.h"

namespace memcgfs::vfs::testing {
namespace {

TEST_CASE("inode numbers follow creation order", "[vfs]") {
    Fixture f;
    CHECK(f.tree.getattr(kRootNode).value().inode == 1);
    CHECK(f.tree.lookup(kRootNode, "fake.value").value().inode == 2);
    CHECK(f.tree.lookup(kRootNode, "fake.events").value().inode == 7);

    const Attributes a = f.tree.mkdir(kRootNode, "a", 0755, f.user).value();
    CHECK(a.inode == 8);
    CHECK(f.tree.mkdir(kRootNode, "b", 0755, f.user).value().inode == 15);
    CHECK(f.tree.lookup(a.node, "fake.value").value().inode == 9);

    REQUIRE(f.tree.rmdir(kRootNode, "a").ok());
    CHECK(f.tree.mkdir(kRootNode, "a", 0755, f.user).value().inode == 22);
}

TEST_CASE("each hierarchy has its own inode numbers", "[vfs]") {
    Fixture f{DirKey{}};
    const NodeId memory = f.tree.add_hierarchy("memory", FakeProvider::kRoot);
    const NodeId other = f.tree.add_hierarchy("other", FakeProvider::kOtherRoot);
    CHECK(f.tree.getattr(kRootNode).value().inode == kLayoutInode);
    CHECK(f.tree.getattr(kRootNode).value().links == 4);
    CHECK(f.tree.getattr(memory).value().inode == 1);
    CHECK(f.tree.getattr(other).value().inode == 1);
    CHECK(f.tree.getattr(other).value().mode == (S_IFDIR | 0555));
    CHECK(f.tree.lookup(memory, "fake.value").value().inode == 2);
    CHECK(f.tree.lookup(other, "fake.value").value().inode == 2);
}

TEST_CASE("mode and owner of a made directory and its files", "[vfs]") {
    Fixture f;
    const Attributes root = f.tree.getattr(kRootNode).value();
    CHECK(root.mode == (S_IFDIR | 0555));
    CHECK(root.uid == 1);
    CHECK(root.gid == 2);

    const Attributes a = f.tree.mkdir(kRootNode, "a", 07755, f.user).value();
    CHECK(a.mode == (S_IFDIR | 01755));
    CHECK(a.uid == 1000);
    CHECK(a.gid == 1001);
    const Attributes file = f.tree.lookup(a.node, "fake.write_only").value();
    CHECK(file.mode == (S_IFREG | 0200));
    CHECK(file.uid == 1000);
    CHECK(file.gid == 1001);
    CHECK(file.links == 1);

    // The directory's owner is not the files'.
    REQUIRE(f.tree.setattr(a.node, {.mode = 02777, .uid = 5, .gid = 7}).ok());
    CHECK(f.tree.lookup(a.node, "fake.value").value().uid == 1000);

    const Attributes b = f.tree.mkdir(a.node, "b", 0700, f.user).value();
    CHECK(b.mode == (S_IFDIR | S_ISGID | 0700));
    CHECK(b.uid == 1000);
    CHECK(b.gid == 7);
    CHECK(f.tree.lookup(b.node, "fake.value").value().gid == 7);
}

TEST_CASE("before 6.8 only root's directories get the group of one with the bit", "[vfs]") {
    FakeProvider provider;
    Tree tree(
        provider, [] { return timespec{}; },
        Tree::Options{.root = FakeProvider::kRoot, .set_gid_is_for_all = false});
    REQUIRE(tree.setattr(kRootNode, {.mode = 02777, .gid = 7}).ok());
    const Attributes user = tree.mkdir(kRootNode, "user", 0755, {1000, 1001, 1}).value();
    CHECK(user.mode == (S_IFDIR | 02755));
    CHECK(user.gid == 1001);
    const Attributes root = tree.mkdir(kRootNode, "root", 0755, {0, 0, 1}).value();
    CHECK(root.mode == (S_IFDIR | 02755));
    CHECK(root.gid == 7);
}

TEST_CASE("a directory has 2 links and one for each child directory", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    f.mkdir(a, "b");
    f.mkdir(a, "c");
    CHECK(f.tree.getattr(a).value().links == 4);
    REQUIRE(f.tree.rmdir(a, "b").ok());
    CHECK(f.tree.getattr(a).value().links == 3);
    CHECK(f.tree.getattr(kRootNode).value().links == 3);
}

TEST_CASE("changed attributes stay with their node alone", "[vfs]") {
    Fixture f;
    const NodeId value = f.node(kRootNode, "fake.value");
    f.now_seconds = 200;
    const Attributes changed =
        f.tree.setattr(value, {.mode = 04777, .uid = 9, .modified = timespec{7, 8}}).value();
    CHECK(changed.mode == (S_IFREG | 04777));
    CHECK(changed.uid == 9);
    CHECK(changed.gid == 2);
    CHECK(changed.modified.tv_sec == 7);
    CHECK(changed.accessed.tv_sec == 100);
    CHECK(changed.changed.tv_sec == 200);
    CHECK(f.tree.getattr(value).value().mode == (S_IFREG | 04777));
    CHECK(f.tree.lookup(kRootNode, "tasks").value().mode == (S_IFREG | 0644));
}

TEST_CASE("times are those of the first look", "[vfs]") {
    Fixture f;
    f.now_seconds = 150;
    CHECK(f.tree.lookup(kRootNode, "fake.value").value().modified.tv_sec == 150);
    f.now_seconds = 160;
    CHECK(f.tree.getattr(kRootNode).value().changed.tv_sec == 160);
    auto file = f.open(kRootNode, "fake.value");
    f.now_seconds = 170;
    CHECK(f.read(*file, 0) == "0\n");
    CHECK(f.write(*file, "1") == 0);
    const Attributes value = f.tree.lookup(kRootNode, "fake.value").value();
    CHECK(value.accessed.tv_sec == 150);
    CHECK(value.modified.tv_sec == 150);
}

TEST_CASE("directory times move only with stored attributes", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    f.now_seconds = 200;
    f.mkdir(a, "b");
    CHECK(f.tree.getattr(a).value().modified.tv_sec == 100);
    REQUIRE(f.tree.setattr(a, {.mode = 0700}).ok());
    CHECK(f.tree.getattr(a).value().modified.tv_sec == 100);
    f.now_seconds = 300;
    REQUIRE(f.tree.rmdir(a, "b").ok());
    CHECK(f.tree.getattr(a).value().modified.tv_sec == 300);
    CHECK(f.tree.getattr(a).value().changed.tv_sec == 300);
    CHECK(f.tree.getattr(a).value().accessed.tv_sec == 100);
}

}  // namespace
}  // namespace memcgfs::vfs::testing
