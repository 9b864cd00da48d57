// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/fs.h>

#include "support/catch.hpp"
#include "unit/files/fixture.h"

namespace memcgfs::files::testing {
namespace {

TEST_CASE("names are made, found, listed from the newest and taken away", "[files]") {
    Fixture f;
    f.make("a");
    const InodeId b = f.make("b");
    f.make("c");
    CHECK(f.names() == "c b a ");
    CHECK(f.fs.lookup({kRootInode, "b"}).value() == b);
    CHECK(error_of(f.fs.lookup({kRootInode, "d"})) == ENOENT);
    CHECK(error_of(f.fs.lookup({b, "d"})) == ENOTDIR);
    CHECK(error_of(f.fs.make({kRootInode, "b"}, {.mode = S_IFREG})) == EEXIST);
    CHECK(error_of(f.fs.make({kRootInode, std::string(256, 'n')}, {.mode = S_IFREG})) ==
          ENAMETOOLONG);
    CHECK(error_of(f.fs.unlink({kRootInode, "b"})) == 0);
    CHECK(error_of(f.fs.unlink({kRootInode, "b"})) == ENOENT);
    CHECK(f.names() == "c a ");
    CHECK(error_of(f.fs.getattr(b)) == ENOENT);
}

TEST_CASE("a listing goes on where it was, whatever has gone since", "[files]") {
    Fixture f;
    for (const char* name : {"a", "b", "c", "d"}) {
        f.make(name);
    }
    const auto first = f.fs.list(kRootInode, 0, 2);
    REQUIRE(first.size() == 2);
    CHECK(first[1].name == "c");
    REQUIRE(f.fs.unlink({kRootInode, "c"}).ok());
    f.make("e");
    const auto rest = f.fs.list(kRootInode, first[1].cookie, 10);
    REQUIRE(rest.size() == 2);
    CHECK(rest[0].name == "b");
    CHECK(rest[1].name == "a");
}

TEST_CASE("links and sizes of directories count what is in them", "[files]") {
    Fixture f;
    CHECK(f.stat(kRootInode).st_nlink == 2);
    CHECK(f.stat(kRootInode).st_size == 40);
    const InodeId d = f.directory("d");
    f.make("b");
    REQUIRE(f.fs.make({kRootInode, "l"}, {.mode = S_IFLNK | 0777, .target = "b"}).ok());
    CHECK(f.stat(kRootInode).st_nlink == 3);
    CHECK(f.stat(kRootInode).st_size == 100);
    CHECK(f.stat(d).st_nlink == 2);
    f.make("x", S_IFREG, d);
    CHECK(error_of(f.fs.rmdir({kRootInode, "d"})) == ENOTEMPTY);
    CHECK(error_of(f.fs.unlink({kRootInode, "d"})) == EISDIR);
    CHECK(error_of(f.fs.rmdir({kRootInode, "b"})) == ENOTDIR);
    REQUIRE(f.fs.unlink({d, "x"}).ok());
    CHECK(error_of(f.fs.rmdir({kRootInode, "d"})) == 0);
    CHECK(f.stat(kRootInode).st_nlink == 2);
}

TEST_CASE("nothing is made in a directory that has gone", "[files]") {
    Fixture f;
    const InodeId d = f.directory("d");
    f.fs.hold(d);
    const InodeId a = f.make("a");
    REQUIRE(f.fs.rmdir({kRootInode, "d"}).ok());
    CHECK(error_of(f.fs.make({d, "x"}, {.mode = S_IFREG})) == ENOENT);
    CHECK(error_of(f.fs.link(a, {d, "x"})) == ENOENT);
    CHECK(error_of(f.fs.rename({kRootInode, "a"}, {d, "x"}, 0)) == ENOENT);
    f.fs.forget(d, 1);
    CHECK(error_of(f.fs.getattr(d)) == ENOENT);
}

TEST_CASE("a file has as many names as it is given", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    const InodeId d = f.directory("d");
    REQUIRE(f.fs.link(a, {d, "b"}).ok());
    CHECK(f.stat(a).st_nlink == 2);
    CHECK(error_of(f.fs.link(a, {d, "b"})) == EEXIST);
    CHECK(error_of(f.fs.link(d, {d, "c"})) == EPERM);
    REQUIRE(f.fs.unlink({kRootInode, "a"}).ok());
    CHECK(f.fs.lookup({d, "b"}).value() == a);
    CHECK(f.stat(a).st_nlink == 1);
}

TEST_CASE("a file without a name is there until it is closed, or has one", "[files]") {
    Fixture f;
    const InodeId a = f.fs.make_unnamed(kRootInode, {.mode = S_IFREG | 0600}).value();
    const InodeId b = f.fs.make_unnamed(kRootInode, {.mode = S_IFREG | 0600}).value();
    f.fs.open(a);
    f.fs.open(b);
    CHECK(f.stat(a).st_nlink == 0);
    REQUIRE(f.fs.link(b, {kRootInode, "b"}).ok());
    f.fs.close(a);
    f.fs.close(b);
    CHECK(error_of(f.fs.getattr(a)) == ENOENT);
    CHECK(f.stat(b).st_nlink == 1);
}

TEST_CASE("an open file outlives its name, a closed one the kernel's memory of it", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    f.fs.hold(a);
    f.fs.open(a);
    REQUIRE(f.write(a, 0, "hello").ok());
    REQUIRE(f.fs.unlink({kRootInode, "a"}).ok());
    CHECK(f.fs.take_freed().empty());
    CHECK(f.read(a, 0, 9) == "hello");
    f.fs.close(a);
    const auto freed = f.fs.take_freed();
    REQUIRE(freed.size() == 1);
    CHECK(freed[0].inode == a);
    CHECK(freed[0].run.count == 0);
    CHECK(f.read(a, 0, 9) == "hello");
    f.fs.forget(a, 1);
    CHECK(error_of(f.fs.getattr(a)) == ENOENT);
    CHECK(f.bank.in_memory() == Pages{0});
}

TEST_CASE("rename moves, replaces and refuses", "[files]") {
    Fixture f;
    const InodeId d = f.directory("d");
    const InodeId e = f.directory("e");
    const InodeId a = f.make("a");
    f.make("b");
    CHECK(error_of(f.fs.rename({kRootInode, "a"}, {kRootInode, "b"}, RENAME_NOREPLACE)) == EEXIST);
    CHECK(error_of(f.fs.rename({kRootInode, "a"}, {kRootInode, "d"}, 0)) == EISDIR);
    CHECK(error_of(f.fs.rename({kRootInode, "d"}, {kRootInode, "a"}, 0)) == ENOTDIR);
    CHECK(error_of(f.fs.rename({kRootInode, "d"}, {d, "x"}, 0)) == EINVAL);
    CHECK(error_of(f.fs.rename({kRootInode, "a"}, {d, "x"}, RENAME_WHITEOUT)) == EINVAL);
    CHECK(error_of(f.fs.rename({kRootInode, "none"}, {d, "x"}, 0)) == ENOENT);
    CHECK(error_of(f.fs.rename({kRootInode, "a"}, {kRootInode, "b"}, 0)) == 0);
    CHECK(f.names() == "b e d ");
    CHECK(f.fs.lookup({kRootInode, "b"}).value() == a);
    CHECK(f.stat(a).st_nlink == 1);
    f.make("x", S_IFREG, e);
    CHECK(error_of(f.fs.rename({kRootInode, "d"}, {kRootInode, "e"}, 0)) == ENOTEMPTY);
    REQUIRE(f.fs.rename({kRootInode, "e"}, {d, "e"}, 0).ok());
    CHECK(f.stat(kRootInode).st_nlink == 3);
    CHECK(f.stat(d).st_nlink == 3);
    CHECK(f.fs.parent_of(e) == d);
    REQUIRE(f.fs.link(a, {kRootInode, "a"}).ok());
    REQUIRE(f.fs.rename({kRootInode, "a"}, {kRootInode, "b"}, 0).ok());
    CHECK(f.stat(a).st_nlink == 2);
}

TEST_CASE("rename exchanges", "[files]") {
    Fixture f;
    const InodeId d = f.directory("d");
    const InodeId a = f.make("a");
    const InodeId e = f.directory("e", d);
    REQUIRE(f.fs.rename({kRootInode, "a"}, {d, "e"}, RENAME_EXCHANGE).ok());
    CHECK(f.fs.lookup({kRootInode, "a"}).value() == e);
    CHECK(f.fs.lookup({d, "e"}).value() == a);
    CHECK(f.stat(d).st_nlink == 2);
    CHECK(f.stat(kRootInode).st_nlink == 4);
    CHECK(f.fs.parent_of(e) == kRootInode);
    CHECK(f.stat(e).st_nlink == 2);
    CHECK(f.stat(a).st_nlink == 1);
    CHECK(error_of(f.fs.rename({kRootInode, "d"}, {d, "e"}, RENAME_EXCHANGE)) == EINVAL);
    CHECK(error_of(f.fs.rename({kRootInode, "d"}, {d, "no"}, RENAME_EXCHANGE)) == ENOENT);
}

TEST_CASE("inodes are limited, and further names count", "[files]") {
    Fixture f({.inodes = 6});
    CHECK(f.fs.statfs().f_ffree == 5);
    const InodeId b = f.make("b");
    REQUIRE(f.fs.link(b, {kRootInode, "c"}).ok());
    REQUIRE(f.fs.make({kRootInode, "l"}, {.mode = S_IFLNK, .target = "b"}).ok());
    f.directory("d");
    f.make("e");
    CHECK(f.fs.statfs().f_ffree == 0);
    CHECK(error_of(f.fs.make({kRootInode, "f"}, {.mode = S_IFREG})) == ENOSPC);
    CHECK(error_of(f.fs.link(b, {kRootInode, "f"})) == ENOSPC);
    REQUIRE(f.fs.unlink({kRootInode, "c"}).ok());
    CHECK(f.fs.statfs().f_ffree == 1);
    REQUIRE(f.fs.unlink({kRootInode, "b"}).ok());
    CHECK(f.fs.statfs().f_ffree == 2);
}

TEST_CASE("a new file takes its group from a directory that says so", "[files]") {
    Fixture f;
    const InodeId d = f.fs.make({kRootInode, "d"}, {.mode = S_IFDIR | 02775, .gid = 7}).value();
    const InodeId a = f.make("a", S_IFREG | 0644, d);
    const InodeId e = f.directory("e", d);
    CHECK(f.stat(a).st_gid == 7);
    CHECK(f.stat(a).st_mode == (S_IFREG | 0644U));
    CHECK(f.stat(e).st_mode == (S_IFDIR | 02755U));
}

TEST_CASE("attributes change, and ctime with them", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    const timespec made = f.stat(a).st_ctim;
    REQUIRE(f.fs.setattr(a, {.mode = 04711, .uid = 5, .gid = 6}).ok());
    CHECK(f.stat(a).st_mode == (S_IFREG | 04711U));
    CHECK(f.stat(a).st_uid == 5);
    CHECK(f.stat(a).st_gid == 6);
    CHECK(f.stat(a).st_ctim.tv_sec > made.tv_sec);
    CHECK(f.stat(a).st_mtim.tv_sec == made.tv_sec);
    REQUIRE(f.fs.setattr(a, {.accessed = timespec{100, 1}, .modified = timespec{200, 2}}).ok());
    CHECK(f.stat(a).st_atim.tv_nsec == 1);
    CHECK(f.stat(a).st_mtim.tv_sec == 200);
}

TEST_CASE("extended attributes are kept", "[files]") {
    Fixture f;
    const InodeId a = f.make("a");
    CHECK(error_of(f.fs.getxattr(a, "user.x")) == ENODATA);
    CHECK(error_of(f.fs.setxattr(a, "user.x", "1", 0)) == 0);
    CHECK(error_of(f.fs.setxattr(a, "trusted.y", "2", 0)) == 0);
    CHECK(error_of(f.fs.setxattr(a, "other.y", "2", 0)) == EOPNOTSUPP);
    CHECK(f.fs.getxattr(a, "user.x").value() == "1");
    CHECK(f.fs.listxattr(a).value() == std::vector<std::string>{"trusted.y", "user.x"});
    CHECK(error_of(f.fs.removexattr(a, "user.x")) == 0);
    CHECK(error_of(f.fs.removexattr(a, "user.x")) == ENODATA);
}

}  // namespace
}  // namespace memcgfs::files::testing
