// SPDX-License-Identifier: MIT
#include "fuse/mount_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace memcgfs::fuse {

namespace {

constexpr const char* kDevice = "/dev/fuse";

/// libfuse looks in this place first and in PATH after it.
bool have_fusermount() {
    for (const char* path :
         {"/usr/bin/fusermount3", "/bin/fusermount3", "/usr/local/bin/fusermount3"}) {
        if (::access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

std::optional<std::string> check_device() {
    const int fd = ::open(kDevice, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        ::close(fd);
        return std::nullopt;
    }
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
        return "There is no /dev/fuse here: load the kernel module with 'modprobe fuse', or start "
               "the container with '--device /dev/fuse'.";
    }
    return std::string("/dev/fuse cannot be opened (") + std::strerror(errno) +
           "): run as root, or ask for read and write access to it.";
}

bool others_are_allowed() {
    std::ifstream config("/etc/fuse.conf");
    std::string line;
    while (std::getline(config, line)) {
        if (line == "user_allow_other") {
            return true;
        }
    }
    return false;
}

/// A user other than root mounts through the set-uid helper.
std::optional<std::string> check_user(bool allow_other) {
    if (::geteuid() == 0) {
        return std::nullopt;
    }
    if (!have_fusermount()) {
        return "fusermount3 is not installed, and only root can mount without it: install the "
               "package fuse3, or run as root.";
    }
    if (allow_other && !others_are_allowed()) {
        return "Other users can be let in only if /etc/fuse.conf has the line user_allow_other: "
               "add it, or do without that option.";
    }
    return std::nullopt;
}

std::optional<std::string> check_mount_point(const std::string& mount_point) {
    struct statx status{};
    if (::statx(AT_FDCWD, mount_point.c_str(), AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0) {
        if (errno == ENOTCONN || errno == ECONNABORTED) {
            return mount_point +
                   " holds the mount of a daemon that has died: remove it with 'fusermount3 -u "
                   "-z " +
                   mount_point + "' and try again.";
        }
        if (errno == ENOENT) {
            return mount_point + " does not exist: make the directory first, with 'mkdir -p " +
                   mount_point + "'.";
        }
        return mount_point + " cannot be used as a mount point (" + std::strerror(errno) +
               "): choose another directory.";
    }
    if (!S_ISDIR(status.stx_mode)) {
        return mount_point + " is not a directory: choose one to mount on.";
    }
    if (::geteuid() != 0 && ::access(mount_point.c_str(), W_OK) != 0) {
        return mount_point +
               " is not writable for you: mount on a directory of your own, or run as root.";
    }
    return std::nullopt;
}

/// The type of the topmost file system mounted on exactly this path, from mountinfo.
std::string mounted_type(const std::string& mount_point) {
    char resolved[PATH_MAX];
    if (::realpath(mount_point.c_str(), resolved) == nullptr) {
        return {};
    }
    std::ifstream mounts("/proc/self/mountinfo");
    std::string line;
    std::string type;
    while (std::getline(mounts, line)) {
        std::size_t start = 0;
        for (int field = 0; field < 4 && start != std::string::npos; field++) {
            start = line.find(' ', start);
            start = start == std::string::npos ? start : start + 1;
        }
        const std::size_t separator = line.find(" - ");
        if (start == std::string::npos || separator == std::string::npos) {
            continue;
        }
        if (line.compare(start, line.find(' ', start) - start, resolved) == 0) {
            const std::size_t type_start = separator + 3;
            type = line.substr(type_start, line.find(' ', type_start) - type_start);
        }
    }
    return type;
}

}  // namespace

std::optional<std::string> why_not_mountable(const std::string& mount_point, bool allow_other) {
    if (auto why = check_device()) {
        return why;
    }
    if (auto why = check_user(allow_other)) {
        return why;
    }
    if (auto why = check_mount_point(mount_point)) {
        return why;
    }
    if (mounted_type(mount_point) == "fuse.memcgfs") {
        return mount_point +
               " is in use by another memcgfs: unmount that first with 'fusermount3 -u " +
               mount_point + "', or choose another directory.";
    }
    return std::nullopt;
}

}  // namespace memcgfs::fuse
