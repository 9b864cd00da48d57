// SPDX-License-Identifier: MIT
#include "cli/write_permission.h"

#include <sys/stat.h>

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

TEST_CASE("only the bits of the first class that fits count", "[cli]") {
    vfs::Attributes file;
    file.uid = 10;
    file.gid = 20;
    const vfs::Credentials owner{10, 99, 1};
    const vfs::Credentials owner_in_group{10, 20, 1};
    const vfs::Credentials group{11, 20, 1};
    const vfs::Credentials other{11, 21, 1};

    file.mode = S_IFREG | 0644;
    CHECK(mode_allows_write(file, owner));
    CHECK_FALSE(mode_allows_write(file, group));
    CHECK_FALSE(mode_allows_write(file, other));

    file.mode = S_IFREG | 0020;
    CHECK_FALSE(mode_allows_write(file, owner_in_group));
    CHECK(mode_allows_write(file, group));
    CHECK_FALSE(mode_allows_write(file, other));

    file.mode = S_IFREG | 0002;
    CHECK_FALSE(mode_allows_write(file, owner));
    CHECK_FALSE(mode_allows_write(file, group));
    CHECK(mode_allows_write(file, other));
}

}  // namespace
}  // namespace memcgfs::cli
