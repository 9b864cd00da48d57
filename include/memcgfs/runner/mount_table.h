// SPDX-License-Identifier: MIT
//
// What is mounted where: /proc/PID/mountinfo (proc(5)) and the checks that go before a mount.
//
// No locks; any thread. Errors are one sentence that says what to do.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::runner {

/// One mount. `id` and `device` are unique among the mounts of this moment only: both are used
/// again once the mount has gone.
struct MountEntry {
    int id = 0;
    dev_t device = 0;
    std::string mount_point;  ///< unescaped
    std::string fs_type;      ///< "fuse.memcgfs"
    std::string source;
};

/// One line of a mountinfo file; nothing if it is not one.
std::optional<MountEntry> parse_mount_line(std::string_view line);

/// The mounts listed in `file` ("/proc/self/mountinfo"), in its order; empty if unreadable.
std::vector<MountEntry> read_mount_table(const std::string& file);

/// The mount that a look-up of `mount_point` ends in: the last one there.
std::optional<MountEntry> mount_at(const std::vector<MountEntry>& table,
                                   std::string_view mount_point);

/// The absolute path of `directory` if a tree can be mounted there: an existing, empty directory
/// that is not a FUSE mount already.
Result<std::string, std::string> check_mount_point(const std::string& directory);

/// Which mount a janitor guards.
struct MountIdentity {
    std::string mount_point;
    int id = 0;
    dev_t device = 0;
};

/// The identity of what is mounted on `mount_point` (an absolute path) in this process's
/// namespace.
Result<MountIdentity, std::string> identify_mount(const std::string& mount_point);

/// Fails what is asked of exactly that FUSE mount, now and from now on, if its server is dead but
/// not gone: by umount2(2) or, for an ordinary user, where the fusectl file system is mounted.
/// Nothing happens to another kind of mount or if neither is possible.
void abort_if_same(const MountIdentity& identity);

/// Lazily unmounts exactly that mount: by umount2(2), or by fusermount3 for an ordinary user.
/// False if another mount or none is there, or if it cannot be unmounted.
bool unmount_if_same(const MountIdentity& identity);

}  // namespace memcgfs::runner
