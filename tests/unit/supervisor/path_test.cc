// SPDX-License-Identifier: MIT
#include "supervisor/path.h"

#include "support/catch.hpp"

namespace memcgfs::supervisor {
namespace {

TEST_CASE("paths are made normal", "[supervisor]") {
    CHECK(normal_path("", "/proc/self/cgroup") == "/proc/self/cgroup");
    CHECK(normal_path("/proc/12", "cgroup") == "/proc/12/cgroup");
    CHECK(normal_path("/proc/12", "/sys//fs/./x") == "/sys/fs/x");
    CHECK(normal_path("/proc/12/task", "../../34/cgroup") == "/proc/34/cgroup");
    CHECK(normal_path("", "/../../proc/x") == "/proc/x");
    CHECK(normal_path("", "/..") == "/");
    CHECK(normal_path("/proc", ".") == "/proc");
}

TEST_CASE("the last component", "[supervisor]") {
    CHECK(last_component("/a/b") == "b");
    CHECK(last_component("b") == "b");
    CHECK(last_component("b/").empty());
    CHECK(last_component("").empty());
}

}  // namespace
}  // namespace memcgfs::supervisor
