// SPDX-License-Identifier: MIT
//
// A tiny process that makes mounts of a tree's directories where another process lives.
//
// It has a copy of the command's mount namespace in which nobody unmounts anything, and the rights
// over mounts that the command was given. A process with threads cannot enter a mount namespace,
// and one that serves the tree must not wait for it: so this is done by somebody else. It ends with
// this process.
//
// Threads: start() before any thread is started; the rest by one thread at a time, and not by one
// that serves the tree. Errors are the kernel's of mount(2); ENOSYS: it is not there any more, or
// Linux is older than 5.12.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner {

class MountAgent {
public:
    /// Bits of mount_setattr(2).
    struct Flags {
        std::uint64_t set = 0;
        std::uint64_t clear = 0;
    };

    /// `member` is a process of the namespace, and the tree is mounted at `mount_point` there.
    static Result<MountAgent, std::string> start(pid_t member, const std::string& mount_point);

    MountAgent(MountAgent&&) noexcept = default;
    MountAgent& operator=(MountAgent&&) noexcept = default;

    struct Mount {
        UniqueFd file;
        std::uint64_t id = 0;  ///< as in /proc/PID/mountinfo, now and wherever it is put
    };
    /// A mount of a directory of the tree's root, which is nowhere yet.
    Result<Mount> clone(const std::string& directory, const Flags& flags);

    struct Place {
        int name_space = -1;  ///< mount namespace
        int target = -1;      ///< O_PATH, in it
    };
    /// Puts a directory of the tree's root on the place: the mount's id.
    Result<std::uint64_t> mount(const std::string& directory, const Flags& flags,
                                const Place& place);
    struct FuseMount {
        Mount mount;          ///< nowhere yet
        UniqueFd connection;  ///< of /dev/fuse: to be served before anybody looks at the mount
    };
    /// A new file system of FUSE.
    Result<FuseMount> make_fuse(const std::string& source);
    /// Puts a mount that is nowhere on the place.
    Result<void> put(int mount, const Flags& flags, const Place& place);
    /// Changes the flags of a mount that is nowhere.
    static Result<void> set(int mount, const Flags& flags);
    /// Unmounts what is on `name` in the directory that the place is; `flags` are umount2(2)'s.
    Result<void> unmount(const std::string& name, int flags, const Place& place);
    /// Changes the flags of the mount whose root the place is.
    Result<void> change(const Flags& flags, const Place& place);

private:
    explicit MountAgent(UniqueFd socket) : socket_(std::move(socket)) {}

    UniqueFd socket_;
};

}  // namespace memcgfs::runner
