// SPDX-License-Identifier: MIT
//
// Directories of the host that a run tracks: what its processes read and write there costs page
// cache. Each is covered, in the run alone, by a file system that shows it and is served by a
// thread of its own.
//
// Threads: cover() and end() by one thread, the rest by any that holds no lock.
// Lock: LockRank::kLeaf.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mount_text.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/files/payers.h"
#include "memcgfs/runner/mount_agent.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::cli {

class TrackedMounts {
public:
    /// References outlive it; the runner runs until end().
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        world::TaskTable& tasks;
        OperationRunner& runner;
        std::function<void()> flush;                     ///< delivers effects
        std::function<void(std::int32_t pid)> settle{};  ///< files::Payers'
    };
    explicit TrackedMounts(Parts parts);
    /// As end().
    ~TrackedMounts();
    TrackedMounts(const TrackedMounts&) = delete;
    TrackedMounts& operator=(const TrackedMounts&) = delete;

    /// Covers the directory (an absolute path without links) in the mount namespace of the process.
    /// An error is one sentence.
    Result<void, std::string> cover(const std::string& directory, runner::MountAgent& agent,
                                    pid_t process);
    /// Nobody may use them any more.
    void end();

    /// f_type of the real file system, for statfs(2); nothing: the device is none of these.
    std::optional<std::uint32_t> type_of(dev_t device) const;
    /// How the mounts of a device, as mountinfo writes it, are shown: as the real file system's.
    std::optional<CgroupMount> describe(std::string_view device) const;
    /// The page cache of a file that is open, as stat(2) numbers it; nothing: it is not tracked.
    std::optional<engine::MappingId> cache_of(std::uint64_t device, std::uint64_t inode) const;
    /// What a process has mapped of them, touched or not. Nothing: it has ended, or may not be
    /// looked at. DEVIATION(untouched-parts-move)
    std::vector<engine::Engine::FileRegion> mapped_by(std::int32_t pid) const;

private:
    class FileSystem;
    const FileSystem* find(dev_t device) const;

    const Parts parts_;
    files::Payers payers_;
    mutable Mutex mutex_{LockRank::kLeaf};
    std::vector<std::unique_ptr<FileSystem>> file_systems_ MEMCGFS_GUARDED_BY(mutex_);
};

}  // namespace memcgfs::cli
