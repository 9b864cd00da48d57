// SPDX-License-Identifier: MIT
//
// The steps on the way to a private tree: user namespace, /dev/fuse, mount namespace, mount.
//
// Only while the process has one thread. Errors are one sentence that says what to do.
#pragma once

#include <cstdint>
#include <string>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner {

/// True if this process may mount in a new mount namespace as it is (CAP_SYS_ADMIN).
bool can_mount();

/// Whom a user namespace shows its maker as.
enum class SeenAs : std::uint8_t { kSelf, kRoot };

/// Enters a user namespace in which the caller has every capability and its effective uid and gid,
/// or those of root in their place; no other id exists.
Result<void, std::string> enter_user_namespace(SeenAs seen_as);

/// A new connection of FUSE. It can be mounted only in the user namespace it was opened in.
Result<UniqueFd, std::string> open_fuse();

/// Enters a mount namespace whose changes the caller's does not see.
Result<void, std::string> enter_mount_namespace();

/// Who checks the permissions of what is asked of a mount.
enum class Checks : std::uint8_t { kServer, kKernel };

/// Mounts the connection on `mount_point`. It may be used before anybody answers requests, but
/// look-ups wait until then.
Result<void, std::string> mount_fuse(int fuse_fd, const std::string& mount_point, Checks checks);

/// A FUSE mount that is nowhere, with mount_setattr(2)'s `attributes`, whose permissions the kernel
/// checks; none, with errno, if it cannot be.
UniqueFd make_fuse_mount(int fuse_fd, const std::string& source, unsigned attributes);

/// A FUSE mount that is nowhere: its files are reached through the descriptor alone. By the same
/// rights as mount_fuse().
Result<UniqueFd, std::string> make_hidden_fuse_mount(int fuse_fd);

/// Shows in the place of a directory the one that has the same path in such a mount. In the
/// caller's mount namespace, and once for a mount; its server must be at work.
Result<void, std::string> cover_directory(int mount_fd, const std::string& directory);

}  // namespace memcgfs::runner
