// SPDX-License-Identifier: MIT
//
// The binding of the engine's groups to the generic tree: directories are groups, files are rows.
//
// A directory's key is its CgroupId's value, a file's index its place in all_files(). Directories
// of one kind share one list of files; a group costs nothing here until a knob of it is set.
//
// Threads: as vfs::Provider says; the engine lock is taken inside, and never while the task table
// or a hook is asked.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cftype.h"
#include "memcgfs/interface/hooks.h"
#include "memcgfs/vfs/provider.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::interface {

class CgroupFs final : public vfs::Provider {
public:
    /// All references outlive the binding; open files may outlive it.
    CgroupFs(engine::Engine& engine, Mutex& engine_mutex, world::TaskTable& tasks, Hooks hooks);
    ~CgroupFs() override;
    CgroupFs(const CgroupFs&) = delete;
    CgroupFs& operator=(const CgroupFs&) = delete;

    /// The key of a hierarchy's root.
    vfs::DirKey root(const engine::Hierarchy& hierarchy) const;

    /// What the rows of files outside the groups share with those inside.
    Services& services() { return *services_; }

    struct FileName {
        vfs::DirKey dir{};
        vfs::FileIndex file{};
    };
    /// Which file an effect is about; for Tree::notify.
    FileName file_of(const engine::FileModifiedEffect& effect) const;

    /// Adds 1 to the eventfd of a registration. No lock held.
    void tick(const engine::EventTickEffect& effect);

    /// Brings the engine's tasks in step with the host's processes (docs/architecture.md,
    /// Membership). Any thread; neither the tree lock nor the engine lock is needed.
    void refresh();

    /// May a process that `who` is make a child in a group of v2's? EACCES, ENODEV. Any thread; no
    /// lock.
    Result<void> may_fork_into(const world::ProcessInfo& process, engine::CgroupId group,
                               const vfs::Credentials& who);

    std::span<const vfs::FileInfo> files(vfs::DirKey dir) override;
    std::uint64_t files_version(vfs::DirKey dir) override;
    std::uint64_t made_at_version(vfs::DirKey dir, vfs::FileIndex file) override;
    /// The cgroup namespace that counts for what he may do with the file (cgroup_file_open()).
    std::optional<std::uint32_t> note_opener(const vfs::Credentials& opener) override;
    bool alive(vfs::DirKey dir, vfs::FileIndex file) override;
    Result<void> show(const vfs::FileContext& context, TextBuffer& out) override;
    Result<vfs::StoreOutcome> store(const vfs::FileContext& context,
                                    std::string_view text) override;
    Result<vfs::DirKey> mkdir(vfs::DirKey parent, std::string_view name,
                              const vfs::Credentials& creator) override;
    void before_rmdir(vfs::DirKey dir) override;
    Result<void> rmdir(vfs::DirKey dir) override;
    Result<void> rename(vfs::DirKey dir, std::string_view new_name) override;
    bool renames(vfs::DirKey dir) override;
    Result<vfs::StoreOutcome> control(const vfs::FileContext& context,
                                      std::span<std::byte> message) override;

private:
    const Cftype* row(vfs::FileIndex file) const;
    vfs::FileIndex index_of(engine::CgroupVersion version, std::string_view name) const;
    engine::Cgroup* find(vfs::DirKey dir) const MEMCGFS_REQUIRES(engine_mutex_);
    bool had_members(vfs::DirKey dir) const MEMCGFS_EXCLUDES(engine_mutex_);
    bool visible(const Cftype& row, const engine::Cgroup& group) const;
    Result<void> show_members(const vfs::FileContext& context, const Cftype& file, TextBuffer& out)
        MEMCGFS_EXCLUDES(engine_mutex_);
    /// The group, if the file is there now; else ENODEV.
    Result<engine::Cgroup*> group_with(vfs::DirKey dir, const Cftype& row) const
        MEMCGFS_REQUIRES(engine_mutex_);

    engine::Engine& engine_;
    Mutex& engine_mutex_;
    const Hooks hooks_;
    const std::vector<const Cftype*> rows_;
    std::unique_ptr<Services> services_;
    std::map<DirectoryKind, std::vector<vfs::FileInfo>> file_lists_
        MEMCGFS_GUARDED_BY(engine_mutex_);
};

}  // namespace memcgfs::interface
