// SPDX-License-Identifier: MIT
#include "memcgfs/interface/namespace_path.h"

#include "support/catch.hpp"

namespace memcgfs::interface {
namespace {

TEST_CASE("a path seen from a group", "[interface]") {
    CHECK(path_from("/", "/") == "/");
    CHECK(path_from("", "/a") == "/a");
    CHECK(path_from("/", "/a/b") == "/a/b");
    CHECK(path_from("/a/b", "/a/b") == "/");
    CHECK(path_from("/a/b", "/a/b/c/d") == "/c/d");
    CHECK(path_from("/a/b", "/a") == "/..");
    CHECK(path_from("/a/b", "/") == "/../..");
    CHECK(path_from("/a/b", "/a/c") == "/../c");
    CHECK(path_from("/a/b", "/ab/b") == "/../../ab/b");
    CHECK(path_from("/a", "/ab") == "/../ab");
}

}  // namespace
}  // namespace memcgfs::interface
