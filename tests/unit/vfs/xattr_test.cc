// SPDX-License-Identifier: MIT
#include <sys/xattr.h>

#include "unit/vfs/fixture.h"

namespace memcgfs::vfs::testing {
namespace {

TEST_CASE("xattrs are kept on files and directories", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    for (const NodeId node : {a, f.node(a, "tasks")}) {
        CHECK(f.tree.listxattr(node).value().empty());
        CHECK(error_of(f.tree.getxattr(node, "user.x")) == ENODATA);
        CHECK(error_of(f.tree.setxattr(node, "user.x", "1", XATTR_REPLACE)) == ENODATA);
        CHECK(error_of(f.tree.setxattr(node, "user.x", "1", XATTR_CREATE)) == 0);
        CHECK(error_of(f.tree.setxattr(node, "user.x", "2", XATTR_CREATE)) == EEXIST);
        CHECK(f.tree.getxattr(node, "user.x").value() == "1");
        CHECK(error_of(f.tree.setxattr(node, "trusted.y", "", 0)) == 0);
        CHECK(error_of(f.tree.setxattr(node, "security.z", "3", 0)) == 0);
        CHECK(f.tree.getxattr(node, "trusted.y").value().empty());
        CHECK(f.tree.listxattr(node).value().size() == 3);
        CHECK(error_of(f.tree.removexattr(node, "user.x")) == 0);
        CHECK(error_of(f.tree.removexattr(node, "user.x")) == ENODATA);
    }
}

TEST_CASE("other xattr names are refused", "[vfs]") {
    Fixture f;
    for (const char* name : {"system.posix_acl_access", "plain", "user", ""}) {
        CHECK(error_of(f.tree.setxattr(kRootNode, name, "1", 0)) == EOPNOTSUPP);
        CHECK(error_of(f.tree.getxattr(kRootNode, name)) == EOPNOTSUPP);
    }
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.", "1", 0)) == EINVAL);
}

TEST_CASE("user xattrs are limited in number and size", "[vfs]") {
    Fixture f;
    const std::string big(65536, 'x');
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.a", big + "x", 0)) == E2BIG);
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.a", big, 0)) == 0);
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.b", big, 0)) == 0);
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.c", "1", 0)) == ENOSPC);
    CHECK(error_of(f.tree.setxattr(kRootNode, "trusted.c", big, 0)) == 0);
    REQUIRE(f.tree.removexattr(kRootNode, "user.a").ok());
    REQUIRE(f.tree.setxattr(kRootNode, "user.b", "small", 0).ok());

    for (int i = 1; i < 128; i++) {
        CHECK(error_of(f.tree.setxattr(kRootNode, "user.n" + std::to_string(i), "1", 0)) == 0);
    }
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.more", "1", 0)) == ENOSPC);
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.b", "1", 0)) == ENOSPC);  // old one counts
    REQUIRE(f.tree.removexattr(kRootNode, "user.n1").ok());
    CHECK(error_of(f.tree.setxattr(kRootNode, "user.b", "1", 0)) == 0);
}

TEST_CASE("listing a directory's xattrs stores its attributes", "[vfs]") {
    Fixture f;
    const NodeId a = f.mkdir(kRootNode, "a");
    REQUIRE(f.tree.listxattr(a).ok());
    f.now_seconds = 500;
    f.mkdir(a, "b");
    CHECK(f.tree.getattr(a).value().modified.tv_sec == 500);
}

}  // namespace
}  // namespace memcgfs::vfs::testing
