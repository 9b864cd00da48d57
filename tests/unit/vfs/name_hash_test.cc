// SPDX-License-Identifier: MIT
#include "memcgfs/vfs/tree.h"
#include "support/catch.hpp"

namespace memcgfs::vfs {
namespace {

// The numbers are d_off values of a real kernel's listing.
TEST_CASE("the name hash is the kernel's", "[vfs]") {
    CHECK(name_hash("cgroup.procs") == 116541448);
    CHECK(name_hash("memory.limit_in_bytes") == 919722130);
    CHECK(name_hash("tasks") == 1245728267);
    CHECK(name_hash("memory.max") == 1780544379);
    CHECK(name_hash("cgroup.events") == 35091264);
    CHECK(name_hash("cgroup.pressure") == 2053510312);
}

TEST_CASE("the name hash keeps off the positions of dots and end", "[vfs]") {
    CHECK(name_hash("") == 2);  // a sum of 0
}

}  // namespace
}  // namespace memcgfs::vfs
