// SPDX-License-Identifier: MIT
//
// Groups and capabilities of who makes a request, which FUSE does not tell: from capget(2) and
// /proc.
//
// Requests carry the thread, and its user and group as they count at that moment; access(2) makes
// them the real ones and asks without the effective capabilities (access_override_creds(), 6.1).
// A thread that cannot be seen from here (it has gone, or is of another pid namespace) has no
// further groups, and capabilities if it is root.
//
// Threads: any. Nothing here waits.
#pragma once

#include <string>

#include "memcgfs/vfs/permission.h"

namespace memcgfs::fuse {

/// Of a thread whose request is none of FUSE: the user and group that count for files (fsuid,
/// fsgid). ESRCH.
Result<vfs::Credentials> credentials_of_thread(pid_t thread);

class ProcCallerRights final : public vfs::CallerRights {
public:
    /// Users and groups are those of this process's user namespace, as are the requests'.
    ProcCallerRights();

    bool in_group(const vfs::Credentials& caller, gid_t group) override;
    bool capable(const vfs::Credentials& caller, vfs::Capability capability, uid_t uid,
                 gid_t gid) override;

private:
    /// Whether the user namespace of the thread has the user and the group.
    bool owns_ids(pid_t thread, uid_t uid, gid_t gid) const;

    const std::string own_users_;
    const std::string own_groups_;
};

/// Of who has opened a file, asked for when it is used. Whoever has changed his user or group since
/// (seteuid(2)), or has gone, is taken to have had no more than those: what else he had then is not
/// known any more.
class OpenerRights final : public vfs::CallerRights {
public:
    /// `rights` outlives it.
    explicit OpenerRights(vfs::CallerRights& rights) : rights_(rights) {}
    bool in_group(const vfs::Credentials& opener, gid_t group) override;
    bool capable(const vfs::Credentials& opener, vfs::Capability capability, uid_t uid,
                 gid_t gid) override;

private:
    vfs::CallerRights& rights_;
};

}  // namespace memcgfs::fuse
