// SPDX-License-Identifier: MIT
//
// What mounts by processes of a run have in common: who may, with which flags, and where.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/mount_agent.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::cli {

/// EPERM: without CAP_SYS_ADMIN over the world's mounts.
Result<void> may_mount(pid_t caller);

/// A mount is to have these MOUNT_ATTR_* and no others.
runner::MountAgent::Flags exactly(std::uint64_t attributes);

/// MOUNT_ATTR_* for the flags of mount(2).
std::uint64_t attributes_of(std::uint64_t mount_flags);

/// A namespace of a process: "mnt", "user".
runner::UniqueFd namespace_of(pid_t pid, const char* kind);

/// The device of what is mounted, without a request to who serves it; 0: there is none.
dev_t device_of(int mount);

bool is_root_of_mount(int target);

}  // namespace memcgfs::cli
