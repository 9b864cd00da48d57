// SPDX-License-Identifier: MIT
#include "cli/mount_text.h"

#include <sys/sysmacros.h>

#include "cli/v1_mounts.h"
#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

const dev_t kTree = makedev(0, 52);

std::optional<CgroupMount> what(std::string_view directory, int mount_id) {
    if (directory == "0") {
        return CgroupMount{"cgroup2", mount_id == 90 ? "none" : "cgroup2", "rw,nsdelegate"};
    }
    return directory == "1" ? std::optional(CgroupMount{"cgroup", "cgroup", "rw,memory"})
                            : std::nullopt;
}

const TreeMounts kV2{.device = kTree, .ground_is_shown = false, .what = what};
const TreeMounts kV1{.device = kTree, .ground_is_shown = true, .what = what};

constexpr std::string_view kWhole =
    "36 23 0:52 / /sys/fs/cgroup rw,nosuid - fuse.memcgfs memcgfs rw,user_id=0\n";

TEST_CASE("a file system of another device is shown as what it stands for", "[mount-text]") {
    TreeMounts tree = kV2;
    tree.other = [](std::string_view device, std::string_view source) {
        return device == "0:70" ? std::optional(CgroupMount{"tmpfs", std::string(source), "rw"})
                                : std::nullopt;
    };
    CHECK(with_cgroup_mounts("80 23 0:70 /a /m rw - fuse none rw,user_id=0\n"
                             "81 23 0:71 / /n rw - fuse none rw,user_id=0\n",
                             tree) ==
          "80 23 0:70 /a /m rw - tmpfs none rw\n"
          "81 23 0:71 / /n rw - fuse none rw,user_id=0\n");
}

TEST_CASE("a part of the tree is shown as the kernel's file system", "[mount-text]") {
    CHECK(with_cgroup_mounts(
              "23 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n" + std::string(kWhole) +
                  "37 36 0:60 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
                  "38 37 0:52 /0 /sys/fs/cgroup rw,nosuid - fuse.memcgfs memcgfs rw\n"
                  "90 23 0:52 /0 /cg rw,relatime - fuse.memcgfs memcgfs rw\n"
                  "91 23 0:52 /1/a/b /ab rw,relatime - fuse.memcgfs memcgfs rw\n"
                  "92 23 0:52 /7 /gone rw,relatime - fuse.memcgfs memcgfs rw\n",
              kV2) ==
          "23 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
          "38 23 0:52 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
          "90 23 0:52 / /cg rw,relatime - cgroup2 none rw,nsdelegate\n"
          "91 23 0:52 /a/b /ab rw,relatime - cgroup cgroup rw,memory\n");
}

TEST_CASE("what the tree covers, and the host's own groups, are not shown", "[mount-text]") {
    CHECK(with_cgroup_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                             "2 1 0:20 / /sys rw - sysfs sysfs rw\n"
                             "3 2 0:21 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n"
                             "4 3 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                             "5 1 0:23 / /mnt rw - cgroup2 none rw\n"
                             "6 5 0:24 / /mnt/on rw - tmpfs x rw\n"
                             "7 3 0:52 / /sys/fs/cgroup rw - fuse.memcgfs memcgfs rw\n"
                             "8 7 0:52 /0 /sys/fs/cgroup rw - fuse.memcgfs memcgfs rw\n"
                             "9 8 0:25 / /sys/fs/cgroup/later rw - tmpfs later rw\n"
                             "10 2 0:26 / /sys/fs/cgroups rw - tmpfs other rw\n",
                             kV2) ==
          "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "2 1 0:20 / /sys rw - sysfs sysfs rw\n"
          "6 1 0:24 / /mnt/on rw - tmpfs x rw\n"
          "8 2 0:52 / /sys/fs/cgroup rw - cgroup2 cgroup2 "
          "rw,nsdelegate\n"
          "9 8 0:25 / /sys/fs/cgroup/later rw - tmpfs later rw\n"
          "10 2 0:26 / /sys/fs/cgroups rw - tmpfs other rw\n");
}

TEST_CASE("v1's hierarchies are mounted on a tmpfs, as a kernel's are", "[mount-text]") {
    CHECK(with_cgroup_mounts(
              std::string(kWhole) +
                  "37 36 0:60 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755,uid=5,gid=5,inode64\n"
                  "38 37 0:52 /1 /sys/fs/cgroup/memory rw - fuse.memcgfs memcgfs rw\n",
              kV1) ==
          "37 23 0:60 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755,inode64\n"
          "38 37 0:52 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
}

TEST_CASE("a table without the tree, and none at all", "[mount-text]") {
    CHECK(with_cgroup_mounts("", kV2).empty());
    CHECK(with_cgroup_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n", kV2) ==
          "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
}

TEST_CASE("which directories of the tree are mounted", "[mount-text]") {
    CHECK(tree_directories(std::string(kWhole) +
                               "38 36 0:52 /0 /a rw - fuse.memcgfs memcgfs rw\n"
                               "39 36 0:52 /12/x /b rw - fuse.memcgfs memcgfs rw\n"
                               "40 36 0:53 /13 /c rw - fuse.other other rw\n",
                           kTree) == std::set<std::string>{"0", "12"});
}

TEST_CASE("the short form has one list of options", "[mount-text]") {
    CHECK(mounts_of("1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
                    "2 1 0:20 / /a\\040b ro - sysfs sysfs rw\n") ==
          "/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0\n"
          "sysfs /a\\040b sysfs ro 0 0\n");
}

TEST_CASE("how a device's mounts are described", "[mount-text]") {
    constexpr std::string_view kTable =
        "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
        "2 1 8:1 /a /b ro - ext4 /dev/sda1 rw,errors=remount-ro\n";
    const auto mount = mount_of_device(kTable, makedev(8, 1));
    REQUIRE(mount);
    CHECK(mount->type == "ext4");
    CHECK(mount->source == "/dev/sda1");
    CHECK(mount->options == "rw,errors=remount-ro");
    CHECK_FALSE(mount_of_device(kTable, makedev(8, 2)));
}

TEST_CASE("which parts a layout has", "[mount-text]") {
    const auto& alinux = *engine::find_profile("alinux2");
    const auto v2 = parts_of(alinux, engine::Layout::kV2);
    REQUIRE(v2.mounts.size() == 1);
    CHECK(v2.mounts[0].directory == "0");
    CHECK(v2.mounts[0].place.empty());
    const auto hybrid = parts_of(alinux, engine::Layout::kHybrid);
    CHECK(hybrid.mounts[0].place == "unified");
    CHECK(hybrid.mounts[1].place == "systemd");
    CHECK(hybrid.mounts[2].place == "memory");
    CHECK(hybrid.mounts[2].directory == "2");
    CHECK(hybrid.mounts[3].place == "cpu,cpuacct");
    CHECK(hybrid.links[0] == std::pair<std::string, std::string>("cpu", "cpu,cpuacct"));
    CHECK(parts_of(alinux, engine::Layout::kV1).mounts[0].place == "systemd");
}

}  // namespace
}  // namespace memcgfs::cli
