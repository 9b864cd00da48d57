// SPDX-License-Identifier: MIT
#include "memcgfs/files/tmpfs_options.h"

#include "support/catch.hpp"

namespace memcgfs::files {
namespace {

constexpr Pages kMemory{245930};  // of the machine whose answers these are

std::string shown(std::string_view list) {
    TmpfsOptions options(kMemory);
    if (!options.add_list(list).ok()) {
        return "EINVAL";
    }
    return shown_tmpfs_options({options.limits(), default_limits(kMemory), options.mode(),
                                options.uid().value_or(0), options.gid().value_or(0)});
}

TEST_CASE("options of tmpfs are read and shown as the kernel does", "[files]") {
    CHECK(shown("") == "rw,inode64");
    CHECK(shown("size=20G") == "rw,size=20971520k,inode64");
    CHECK(shown("size=10%") == "rw,size=98372k,inode64");
    CHECK(shown("size=1") == "rw,size=4k,inode64");
    CHECK(shown("size=5000") == "rw,size=8k,inode64");
    CHECK(shown("size=0") == "rw,size=0k,inode64");
    CHECK(shown("nr_blocks=3") == "rw,size=12k,inode64");
    CHECK(shown("nr_blocks=3k") == "rw,size=12288k,inode64");
    CHECK(shown("nr_inodes=5") == "rw,nr_inodes=5,inode64");
    CHECK(shown("nr_inodes=0") == "rw,nr_inodes=0,inode64");
    CHECK(shown("mode=755") == "rw,mode=755,inode64");
    CHECK(shown("mode=7777777") == "rw,mode=7777,inode64");
    CHECK(shown("uid=1,gid=2") == "rw,uid=1,gid=2,inode64");
    CHECK(shown("size=10k,nr_blocks=1") == "rw,size=4k,inode64");
    CHECK(shown(",,size=4k,,") == "rw,size=4k,inode64");
    CHECK(shown("ro,inode64") == "rw,inode64");
    CHECK(shown("mpol=bind:0,2,size=4k") == "rw,size=4k,inode64");
    CHECK(shown("huge=always") == "rw,inode64");
}

TEST_CASE("what the kernel does not take is refused", "[files]") {
    for (const char* list :
         {"mode=8", "mode=", "uid=x", "uid=-1", "size=1x", "size=", "size", "size=-1", "size=100%%",
          "nr_inodes=5%", "nr_blocks=x", "foo", "foo=1", "huge=bad", "huge", "size=4k foo"}) {
        CAPTURE(list);
        CHECK(shown(list) == "EINVAL");
    }
}

}  // namespace
}  // namespace memcgfs::files
