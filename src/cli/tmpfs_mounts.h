// SPDX-License-Identifier: MIT
//
// Mounts of tmpfs by processes of a run: each is a file system of its own, served by a thread of
// its own, whose pages the engine charges to who uses them.
//
// A file system ends with its last mount, and its contents with it. DEVIATION(tmpfs-ends-later): a
// moment after umount(2) has returned if it was mounted elsewhere or detached.
//
// Thread: the supervisor's.
#pragma once

#include <spdlog/logger.h>

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
#include "memcgfs/files/page_bank.h"
#include "memcgfs/files/payers.h"
#include "memcgfs/files/tmpfs_options.h"
#include "memcgfs/runner/mount_agent.h"
#include "memcgfs/supervisor/mount_answers.h"
#include "memcgfs/world/live_tasks.h"

namespace memcgfs::cli {

class TmpfsMounts final : public supervisor::MountAnswers {
public:
    /// References outlive it; the runner runs until it has gone.
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        world::LiveTasks& tasks;
        OperationRunner& runner;
        std::function<void()> flush;  ///< delivers effects
        spdlog::logger& logger;
        std::function<void(std::int32_t pid)> settle{};  ///< files::Payers'
    };
    /// Without an agent nobody can mount.
    TmpfsMounts(Parts parts, runner::MountAgent* agent);
    /// Ends all file systems: nobody may wait for them any more.
    ~TmpfsMounts() override;

    bool can_mount() const { return agent_ != nullptr; }
    /// Puts a new file system over the directory, in the mount namespace of the process.
    Result<void> cover(const std::string& directory, pid_t process);
    /// One of the file systems is on the device.
    bool has(dev_t device) const { return find(device) != nullptr; }
    /// How the mounts of a device, as mountinfo writes it, are shown.
    std::optional<CgroupMount> describe(std::string_view device, std::string_view source) const;

    /// Mounts in other user namespaces are the kernel's affair.
    bool serves(pid_t caller) override;
    Result<void> mount(const supervisor::MountRequest& request) override;
    Result<void> remount(const supervisor::MountRequest& request) override;
    Result<void> unmount(const supervisor::UnmountRequest& request) override;
    Result<std::unique_ptr<supervisor::MountContext>> open_context(
        pid_t caller, supervisor::FsType type) override;
    Result<std::unique_ptr<supervisor::MountContext>> pick_context(pid_t caller,
                                                                   int target) override;

private:
    class FileSystem;
    class Context;

    Pages memory() const;
    FileSystem* find(dev_t device) const;
    Result<FileSystem*> mounted_at(int target) const;
    /// A new file system, mounted nowhere.
    Result<runner::MountAgent::Mount> make(pid_t caller, const files::TmpfsOptions& options,
                                           const std::string& source);
    void forget_ended();

    Parts parts_;
    runner::MountAgent* const agent_;
    files::PageBank bank_;
    files::Payers payers_;
    std::vector<std::unique_ptr<FileSystem>> file_systems_;
};

}  // namespace memcgfs::cli
