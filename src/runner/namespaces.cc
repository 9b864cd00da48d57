// SPDX-License-Identifier: MIT
#include "runner/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "runner/failure.h"

namespace memcgfs::runner {
namespace {

constexpr std::string_view kUserNamespaceAdvice =
    "allow user namespaces to ordinary users (sysctl user.max_user_namespaces, "
    "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0) or run "
    "this as root";

Result<void, std::string> write_proc_file(const char* path, const std::string& text) {
    const UniqueFd file(open(path, O_WRONLY | O_CLOEXEC));
    if (!file.valid() || write(file.get(), text.data(), text.size()) < 0) {
        return failure(std::string("cannot write ") + path, errno, kUserNamespaceAdvice);
    }
    return {};
}

}  // namespace

bool can_mount() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    return syscall(SYS_capget, &header, data.data()) == 0 &&
           (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

Result<void, std::string> enter_user_namespace(SeenAs seen_as) {
    const std::string uid = std::to_string(geteuid());
    const std::string gid = std::to_string(getegid());
    if (unshare(CLONE_NEWUSER) != 0) {
        return failure("cannot make a user namespace", errno, kUserNamespaceAdvice);
    }
    // Having gained capabilities makes a process unreadable, its own /proc files included.
    prctl(PR_SET_DUMPABLE, 1);
    // Without it gid_map is refused. Kernels before 3.19 have no such file and need none.
    if (access("/proc/self/setgroups", F_OK) == 0) {
        MEMCGFS_TRY(write_proc_file("/proc/self/setgroups", "deny"));
    }
    const bool root = seen_as == SeenAs::kRoot;
    MEMCGFS_TRY(write_proc_file("/proc/self/uid_map", (root ? "0" : uid) + " " + uid + " 1\n"));
    MEMCGFS_TRY(write_proc_file("/proc/self/gid_map", (root ? "0" : gid) + " " + gid + " 1\n"));
    return {};
}

Result<UniqueFd, std::string> open_fuse() {
    UniqueFd fuse(open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (fuse.valid()) {
        return fuse;
    }
    switch (errno) {
        case ENOENT:
        case ENODEV:
        case ENXIO:
            return failure("cannot open /dev/fuse", errno,
                           "load FUSE with 'modprobe fuse', or give the container --device "
                           "/dev/fuse");
        case EACCES:
        case EPERM:
            return failure("cannot open /dev/fuse", errno,
                           "have root allow it with 'chmod 666 /dev/fuse', or give the container "
                           "--device /dev/fuse");
        default:
            return failure("cannot open /dev/fuse", errno);
    }
}

Result<void, std::string> enter_mount_namespace() {
    if (unshare(CLONE_NEWNS) != 0) {
        return failure("cannot make a mount namespace", errno, kUserNamespaceAdvice);
    }
    // Later mounts of the host still arrive; ours do not leave.
    if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
        return failure("cannot make the mounts private", errno,
                       "let this container mount (CAP_SYS_ADMIN, no AppArmor profile)");
    }
    return {};
}

Result<void, std::string> mount_fuse(int fuse_fd, const std::string& mount_point, Checks checks) {
    std::string options = "fd=" + std::to_string(fuse_fd) +
                          ",rootmode=40000,user_id=" + std::to_string(geteuid()) +
                          ",group_id=" + std::to_string(getegid()) + ",allow_other";
    if (checks == Checks::kKernel) {
        options += ",default_permissions";
    }
    if (mount("memcgfs", mount_point.c_str(), "fuse.memcgfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              options.c_str()) == 0) {
        return {};
    }
    switch (errno) {
        case ENOENT:
            return failure("cannot mount on " + mount_point, errno,
                           "it takes a kernel with control groups and sysfs on /sys");
        case ENODEV:
            return failure("cannot mount on " + mount_point, errno,
                           "load FUSE with 'modprobe fuse'");
        case EACCES:
        case EPERM:
            return failure("cannot mount on " + mount_point, errno,
                           "let this container or user mount FUSE (CAP_SYS_ADMIN, no AppArmor "
                           "profile, Linux 4.18 or later)");
        default:
            return failure("cannot mount on " + mount_point, errno);
    }
}

Result<void, std::string> cover_directory(int mount_fd, const std::string& directory) {
    // Before 6.15 what is mounted nowhere cannot be bound: it goes there itself first, and what is
    // wanted of it on top.
    const std::string inner = directory + directory;
    if (move_mount(mount_fd, "", AT_FDCWD, directory.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
        return failure("cannot cover " + directory, errno);
    }
    if (mount(inner.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0) {
        const int error = errno;
        umount2(directory.c_str(), MNT_DETACH);
        return failure("cannot cover " + directory, error);
    }
    return {};
}

UniqueFd make_fuse_mount(int fuse_fd, const std::string& source, unsigned attributes) {
    const UniqueFd context(fsopen("fuse", FSOPEN_CLOEXEC));
    const std::array<std::pair<const char*, std::string>, 6> values{{
        {"source", source},
        {"subtype", "memcgfs"},
        {"fd", std::to_string(fuse_fd)},
        {"rootmode", "40000"},
        {"user_id", std::to_string(geteuid())},
        {"group_id", std::to_string(getegid())},
    }};
    bool done = context.valid();
    for (const auto& [key, value] : values) {
        done = done && fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
    }
    for (const char* const flag : {"default_permissions", "allow_other"}) {
        done = done && fsconfig(context.get(), FSCONFIG_SET_FLAG, flag, nullptr, 0) == 0;
    }
    done = done && fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
    return UniqueFd(done ? fsmount(context.get(), FSMOUNT_CLOEXEC, attributes) : -1);
}

Result<UniqueFd, std::string> make_hidden_fuse_mount(int fuse_fd) {
    UniqueFd mounted = make_fuse_mount(fuse_fd, "memcgfs",
                                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (!mounted.valid()) {
        return failure("cannot make a mount for the files of /proc", errno,
                       "it takes Linux 5.2 or later");
    }
    return mounted;
}

}  // namespace memcgfs::runner
