// SPDX-License-Identifier: MIT
#include "cli/mount_rights.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>

namespace memcgfs::cli {
namespace {

/// The flags of mount(2) that are the same bits of mount_setattr(2), and the others.
constexpr std::uint64_t kSameFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
static_assert(kSameFlags ==
              (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
constexpr std::uint64_t kAllFlags = kSameFlags | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

bool same_file(int a, int b) {
    struct stat first{};
    struct stat second{};
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

std::uint64_t effective_capabilities(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    constexpr std::string_view kKey = "CapEff:\t";
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(kKey)) {
            return std::stoull(line.substr(kKey.size()), nullptr, 16);
        }
    }
    return 0;
}

}  // namespace

runner::MountAgent::Flags exactly(std::uint64_t attributes) {
    return {.set = attributes & kAllFlags,
            .clear = kAllFlags & ~(attributes & ~std::uint64_t{MOUNT_ATTR__ATIME})};
}

std::uint64_t attributes_of(std::uint64_t mount_flags) {
    std::uint64_t attributes = mount_flags & kSameFlags;
    if ((mount_flags & MS_NOATIME) != 0) {
        attributes |= MOUNT_ATTR_NOATIME;
    } else if ((mount_flags & MS_STRICTATIME) != 0) {
        attributes |= MOUNT_ATTR_STRICTATIME;
    }
    return attributes | ((mount_flags & MS_NODIRATIME) != 0 ? MOUNT_ATTR_NODIRATIME : 0);
}

runner::UniqueFd namespace_of(pid_t pid, const char* kind) {
    const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
    return runner::UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

dev_t device_of(int mount) {
    struct statx status{};
    return statx(mount, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &status) == 0
               ? makedev(status.stx_dev_major, status.stx_dev_minor)
               : 0;
}

bool is_root_of_mount(int target) {
    struct statx status{};
    return statx(target, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<void> may_mount(pid_t caller) {
    const runner::UniqueFd theirs = namespace_of(caller, "user");
    const runner::UniqueFd ours = namespace_of(getpid(), "user");
    const bool capable = (effective_capabilities(caller) >> CAP_SYS_ADMIN & 1) != 0;
    return capable && same_file(theirs.get(), ours.get()) ? Result<void>{} : Err(Errno::kEPERM);
}

}  // namespace memcgfs::cli
