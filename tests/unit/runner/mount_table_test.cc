// SPDX-License-Identifier: MIT
#include "memcgfs/runner/mount_table.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "support/catch.hpp"

namespace memcgfs::runner {
namespace {

TEST_CASE("a mountinfo line is taken apart", "[runner]") {
    const auto entry = parse_mount_line(
        "36 35 98:0 /mnt1 /mnt\\0402/a\\134b rw,noatime master:1 shared:7 - fuse.memcgfs my\\040fs "
        "rw,user_id=0");
    REQUIRE(entry);
    CHECK(entry->id == 36);
    CHECK(entry->device == makedev(98, 0));
    CHECK(entry->mount_point == "/mnt 2/a\\b");
    CHECK(entry->fs_type == "fuse.memcgfs");
    CHECK(entry->source == "my fs");
}

TEST_CASE("optional fields may be missing, other lines are refused", "[runner]") {
    const auto entry = parse_mount_line("1 2 0:5 / / rw - tmpfs none rw");
    REQUIRE(entry);
    CHECK(entry->fs_type == "tmpfs");
    CHECK_FALSE(parse_mount_line(""));
    CHECK_FALSE(parse_mount_line("not a mount at all - x y"));
    CHECK_FALSE(parse_mount_line("1 2 0:5 / / rw"));
    CHECK_FALSE(parse_mount_line("1 2 0:5 / / rw shared:1 -"));
}

TEST_CASE("the last mount on a directory counts", "[runner]") {
    const std::vector<MountEntry> table{{1, 10, "/a", "tmpfs", "under"},
                                        {2, 11, "/a", "fuse.x", "over"},
                                        {3, 12, "/a/b", "tmpfs", "below"}};
    REQUIRE(mount_at(table, "/a"));
    CHECK(mount_at(table, "/a")->source == "over");
    CHECK_FALSE(mount_at(table, "/c"));
}

struct Directory {
    Directory() {
        if (mkdtemp(path.data()) == nullptr) {
            path.clear();
        }
    }
    ~Directory() { rmdir(path.c_str()); }
    std::string path = "/tmp/memcgfs-mount-table-XXXXXX";
};

/// One sentence: one line, about `subject`.
void check_sentence(const Result<std::string, std::string>& result, const std::string& subject) {
    REQUIRE(!result.ok());
    CHECK(result.error().find(subject) != std::string::npos);
    CHECK(result.error().find('\n') == std::string::npos);
}

TEST_CASE("a mount point is an empty directory", "[runner]") {
    const Directory directory;
    REQUIRE(!directory.path.empty());
    const std::string below = directory.path + "/sub";
    const auto usable = check_mount_point(directory.path + "/../" +
                                          directory.path.substr(directory.path.rfind('/') + 1));
    REQUIRE(usable.ok());
    CHECK(*usable == directory.path);

    check_sentence(check_mount_point(below), "does not exist");
    REQUIRE(mkdir(below.c_str(), 0700) == 0);
    check_sentence(check_mount_point(directory.path), "not empty");
    REQUIRE(rmdir(below.c_str()) == 0);

    std::FILE* file = std::fopen(below.c_str(), "w");
    REQUIRE(file != nullptr);
    std::fclose(file);
    check_sentence(check_mount_point(below), "not a directory");
    REQUIRE(unlink(below.c_str()) == 0);
}

TEST_CASE("a mount that is another one stays", "[runner]") {
    const auto proc = identify_mount("/proc");
    REQUIRE(proc.ok());
    MountIdentity other = *proc;
    other.id += 1;
    CHECK_FALSE(unmount_if_same(other));
    other = *proc;
    other.device += 1;
    CHECK_FALSE(unmount_if_same(other));
    CHECK(identify_mount("/proc").ok());
    CHECK_FALSE(identify_mount("/proc/self").ok());
}

}  // namespace
}  // namespace memcgfs::runner
