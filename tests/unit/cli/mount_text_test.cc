// SPDX-License-Identifier: MIT
#include "cli/mount_text.h"

#include <sys/sysmacros.h>

#include "support/catch.hpp"

namespace memcgfs::cli {
namespace {

const dev_t kTree = makedev(0, 52);
const std::vector<CgroupMount> kV2 = {{"", "cgroup2", "rw,nsdelegate"}};

TEST_CASE("the tree's mount is shown as the kernel's", "[mount-text]") {
    CHECK(with_cgroup_mounts("23 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
                             "36 23 0:52 / /sys/fs/cgroup rw,nosuid - fuse.memcgfs memcgfs rw\n",
                             kTree, kV2) ==
          "23 1 8:1 / / rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
          "36 23 0:52 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 "
          "rw,nsdelegate\n");
}

TEST_CASE("what the tree covers, and the host's own groups, are not shown", "[mount-text]") {
    CHECK(with_cgroup_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                             "2 1 0:20 / /sys rw - sysfs sysfs rw\n"
                             "3 2 0:21 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n"
                             "4 3 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                             "5 1 0:23 / /mnt rw - cgroup2 none rw\n"
                             "6 5 0:24 / /mnt/on rw - tmpfs x rw\n"
                             "7 3 0:52 / /sys/fs/cgroup rw - fuse.memcgfs memcgfs rw\n"
                             "8 7 0:25 / /sys/fs/cgroup/later rw - tmpfs later rw\n"
                             "9 2 0:26 / /sys/fs/cgroups rw - tmpfs other rw\n",
                             kTree, kV2) ==
          "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "2 1 0:20 / /sys rw - sysfs sysfs rw\n"
          "6 1 0:24 / /mnt/on rw - tmpfs x rw\n"
          "7 2 0:52 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 "
          "rw,nsdelegate\n"
          "8 7 0:25 / /sys/fs/cgroup/later rw - tmpfs later rw\n"
          "9 2 0:26 / /sys/fs/cgroups rw - tmpfs other rw\n");
}

TEST_CASE("hierarchies of v1 have mounts of their own, numbered anew", "[mount-text]") {
    const std::vector<CgroupMount> v1 = {{"", "tmpfs", "rw,mode=755"},
                                         {"/memory", "cgroup", "rw,memory"},
                                         {"/pids", "cgroup", "rw,pids"}};
    CHECK(with_cgroup_mounts("36 23 0:52 / /sys/fs/cgroup rw - fuse.memcgfs memcgfs rw\n"
                             "90 23 0:53 / /x rw - tmpfs x rw\n",
                             kTree, v1) ==
          "36 23 0:52 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755\n"
          "91 36 0:52 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime - cgroup cgroup "
          "rw,memory\n"
          "92 36 0:52 / /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime - cgroup cgroup "
          "rw,pids\n"
          "90 23 0:53 / /x rw - tmpfs x rw\n");
}

TEST_CASE("a table without the tree, and none at all", "[mount-text]") {
    CHECK(with_cgroup_mounts("", kTree, kV2).empty());
    CHECK(with_cgroup_mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n", kTree, kV2) ==
          "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
}

TEST_CASE("the short form has one list of options", "[mount-text]") {
    CHECK(mounts_of("1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
                    "2 1 0:20 / /a\\040b ro - sysfs sysfs rw\n") ==
          "/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0\n"
          "sysfs /a\\040b sysfs ro 0 0\n");
}

TEST_CASE("which mounts a kernel has", "[mount-text]") {
    const auto& modern = *engine::find_profile("6.12");
    engine::MountFlags flags;
    flags.memory_localevents = true;
    flags.pids_localevents = true;
    const auto v2 = cgroup_mounts(modern, engine::Layout::kV2, flags);
    REQUIRE(v2.size() == 1);
    CHECK(v2[0].options ==
          "rw,nsdelegate,memory_localevents,memory_recursiveprot,pids_localevents");
    const auto& alinux = *engine::find_profile("alinux2");
    CHECK(cgroup_mounts(alinux, engine::Layout::kV2, flags)[0].options == "rw,nsdelegate");
    const auto hybrid = cgroup_mounts(alinux, engine::Layout::kHybrid, {});
    CHECK(hybrid[0].type == "tmpfs");
    CHECK(hybrid[1].directory == "/unified");
    CHECK(hybrid[2].options == "rw,name=systemd");
    CHECK(hybrid[3].options == "rw,memory");
    CHECK(hybrid[4].directory == "/cpu,cpuacct");
    CHECK(hybrid[4].options == "rw,cpu,cpuacct");
}

}  // namespace
}  // namespace memcgfs::cli
