// SPDX-License-Identifier: MIT
//
// What mounts of cgroup, cgroup2 and tmpfs are answered from: mount(2), and fsopen(2) with its
// like.
//
// Thread: the supervisor's alone, without locks. Errors are the kernel's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::supervisor {

/// The file systems that are the world's.
enum class FsType : std::uint8_t { kCgroup, kCgroup2, kTmpfs };

/// By its name for mount(2); nothing for others.
inline std::optional<FsType> fs_type_of(std::string_view name) {
    if (name == "cgroup") {
        return FsType::kCgroup;
    }
    if (name == "tmpfs") {
        return FsType::kTmpfs;
    }
    return name == "cgroup2" ? std::optional(FsType::kCgroup2) : std::nullopt;
}

struct MountRequest {
    pid_t caller = 0;  ///< thread, in the supervisor's pid namespace
    FsType type{};
    std::string source;
    std::string options;
    std::uint64_t flags = 0;  ///< mount(2)'s
    int target = -1;          ///< O_PATH
};

struct UnmountRequest {
    pid_t caller = 0;    ///< thread, in the supervisor's pid namespace
    int directory = -1;  ///< O_PATH: where the mount point is
    std::string name;    ///< of the mount point there
    int flags = 0;       ///< umount2(2)'s
};

/// Options that are collected one by one (struct fs_context).
class MountContext {
public:
    virtual ~MountContext() = default;
    /// fsconfig(2)'s FSCONFIG_SET_STRING and SET_FLAG. EINVAL.
    virtual Result<void> set(std::string_view key, std::optional<std::string_view> value) = 0;
    /// FSCONFIG_CMD_CREATE.
    virtual Result<void> create() = 0;
    /// FSCONFIG_CMD_RECONFIGURE.
    virtual Result<void> reconfigure() = 0;
    /// fsmount(2): a mount that is nowhere; `attributes` are MOUNT_ATTR_*.
    virtual Result<runner::UniqueFd> mount(std::uint64_t attributes) = 0;
};

class MountAnswers {
public:
    virtual ~MountAnswers() = default;

    /// False: a mount by this thread is the kernel's affair.
    virtual bool serves(pid_t /*caller*/) { return true; }
    virtual Result<void> mount(const MountRequest& request) = 0;
    /// MS_REMOUNT of a file system of the world; the request's type and source say nothing.
    virtual Result<void> remount(const MountRequest& request) = 0;
    /// Of a mount of the world's.
    virtual Result<void> unmount(const UnmountRequest& request) = 0;
    virtual Result<std::unique_ptr<MountContext>> open_context(pid_t caller, FsType type) = 0;
    /// fspick(2) of a file of the world.
    virtual Result<std::unique_ptr<MountContext>> pick_context(pid_t caller, int target) = 0;
};

}  // namespace memcgfs::supervisor
