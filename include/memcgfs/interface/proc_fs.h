// SPDX-License-Identifier: MIT
//
// The files of /proc and /sys that tell of the simulated machine, as a tree of their own: paths
// are the real ones without the leading slash ("proc/meminfo", "proc/1234/cgroup").
//
// ProcFs binds the rows (proc_file.h) to the generic tree; ProcTree is that tree with its
// directories made. Whoever sends a program's opens here asks has() first, and for the files of a
// process enter().
//
// Threads: ProcFs as vfs::Provider says; the engine lock is taken inside, and never while the task
// table is asked. ProcTree by any thread that holds no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/interface/kernel_log.h"
#include "memcgfs/interface/proc_file.h"
#include "memcgfs/vfs/provider.h"
#include "memcgfs/vfs/tree.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::interface {

/// What the files are made from; all of it outlives them.
struct ProcSources {
    engine::Engine& engine;
    Mutex& engine_mutex;
    world::TaskTable& tasks;
    CgroupFs& cgroup_fs;       ///< keeps the engine's tasks in step with the processes
    KernelLog* log = nullptr;  ///< without it /dev/kmsg is not there
    std::function<void(OperationId)> wake = {};  ///< OperationRunner::wake, for readers of the log
    /// Called before a text is made, with the open file's lock alone: what nobody has told the
    /// engine yet is to be found out.
    std::function<void()> before_show = {};
};

class ProcFs final : public vfs::Provider {
public:
    explicit ProcFs(const ProcSources& sources);
    ~ProcFs() override;
    ProcFs(const ProcFs&) = delete;
    ProcFs& operator=(const ProcFs&) = delete;

    /// The key of the tree's root.
    vfs::DirKey root() const;

    /// True for the absolute path of a file that is no process's. No lock.
    bool has(std::string_view path) const;

    /// Below a directory of the tree: the names of the directories to make, without processes'.
    std::vector<std::string> fixed_directories(vfs::DirKey dir) const;

    /// A process's directory is wanted; true if it is there, and is not dropped for now.
    bool want_process(std::int32_t pid);
    /// A process of which there is a directory, and how often that was wanted.
    struct Process {
        std::int32_t pid = 0;
        std::uint64_t wanted = 0;
    };
    std::vector<Process> processes() const;
    std::size_t process_count() const;
    /// The process has gone: its directory may be removed, unless it has been wanted since.
    void let_go(const Process& process);

    std::span<const vfs::FileInfo> files(vfs::DirKey dir) override;
    std::uint64_t files_version(vfs::DirKey dir) override;
    bool keeps_name(vfs::DirKey dir) override;
    bool alive(vfs::DirKey dir, vfs::FileIndex file) override;
    Result<void> show(const vfs::FileContext& context, TextBuffer& out) override;
    Result<vfs::StoreOutcome> read_record(const vfs::FileContext& context,
                                          const vfs::RecordRead& read) override;
    void seek_record(const vfs::FileContext& context, vfs::RecordPlace place) override;
    short poll_records(const vfs::FileContext& context) override;
    Result<vfs::StoreOutcome> store(const vfs::FileContext& context,
                                    std::string_view text) override;
    /// For ProcTree alone. Others: ENOENT below /proc, EPERM elsewhere, as the kernel has it.
    Result<vfs::DirKey> mkdir(vfs::DirKey parent, std::string_view name,
                              const vfs::Credentials& creator) override;
    /// EPERM but for directories that were let go.
    Result<void> rmdir(vfs::DirKey dir) override;
    Result<void> rename(vfs::DirKey dir, std::string_view new_name) override;
    /// ENOTTY.
    Result<vfs::StoreOutcome> control(const vfs::FileContext& context,
                                      std::span<std::byte> message) override;

    /// The pid in the credentials of who makes directories; no client has it.
    static constexpr pid_t kMakerPid = -1;

private:
    struct Directory;
    struct Entry {
        std::uint64_t serial = 0;  ///< in its key; a pid's second directory is another
        std::uint64_t wanted = 1;
        std::uint64_t let_go_at = 0;  ///< the value of `wanted` then
    };

    void add_row(std::size_t index);
    std::size_t directory_of(std::string_view pattern);
    const Directory& directory(vfs::DirKey dir) const;
    /// The number that stands in the directory's path; the process's, or ENODEV once it has gone.
    Result<std::uint32_t> number_of(vfs::DirKey dir) const;
    std::uint32_t count_of(std::string_view placeholder) const;
    Result<ProcContext> context_of(const vfs::FileContext& context) const;

    const ProcSources sources_;
    const std::vector<const ProcFile*> rows_;
    std::vector<Directory> directories_;           ///< constant after construction
    std::unordered_set<std::string> fixed_paths_;  ///< constant after construction
    std::vector<std::size_t> numbered_rows_;       ///< rows of nodes; constant, too
    std::unique_ptr<ProcServices> services_;
    mutable Mutex mutex_{LockRank::kLeaf};
    std::unordered_map<std::int32_t, Entry> processes_ MEMCGFS_GUARDED_BY(mutex_);
    std::unordered_map<std::uint64_t, std::int32_t> pid_of_serial_ MEMCGFS_GUARDED_BY(mutex_);
    std::uint64_t next_serial_ MEMCGFS_GUARDED_BY(mutex_) = 1;
};

class ProcTree {
public:
    struct Options {
        vfs::Tree::WallClock wall_clock;
        uid_t uid = 0;  ///< who owns it all
        gid_t gid = 0;
        /// Told of each process's directory that has gone, so that no cache keeps its name. Any
        /// thread, no lock held. May be empty.
        std::function<void(vfs::NodeId parent, std::string_view name)> dropped = {};
    };
    ProcTree(const ProcSources& sources, Options options);
    ~ProcTree();
    ProcTree(const ProcTree&) = delete;
    ProcTree& operator=(const ProcTree&) = delete;

    vfs::Tree& tree() { return tree_; }

    /// True for the absolute path of a file ("/proc/meminfo") that is no process's. No lock.
    bool has(std::string_view path) const { return fs_.has(path); }

    /// The names that a process's directory has: "cgroup" and so on. Constant. No lock.
    static std::vector<std::string_view> process_files(const engine::Profile& profile);

    /// Whose files: of the thread that is named, or of its process.
    enum class Of : std::uint8_t { kThread, kProcess };
    /// Makes proc/PID of a process in the world, or of one of its threads, if it is not there, and
    /// gives the number to look under, in the daemon's pid namespace. `pid` is a number as
    /// `caller_tid` (a thread id in the daemon's namespace) sees it, 0 the caller itself.
    /// ESRCH: there is none, or it is not of this world.
    ///
    /// Once in a while it drops the directories of processes that are gone.
    Result<std::int32_t> enter(std::int32_t pid, std::int32_t caller_tid = 0, Of of = Of::kThread);

    /// Wakes who waits for a trigger of /proc/pressure. False: the effect is about a file of
    /// another tree. Any thread that may call vfs::Tree::wake.
    bool wake(const engine::PsiTriggerEffect& effect);
    /// The kernel log has a line more: wakes who polls it. Any thread that may call
    /// vfs::Tree::notify.
    void logged();

    /// Drops the directories of processes that are gone. Files that are open say ENODEV.
    void drop_gone();

    /// How many processes have a directory.
    std::size_t process_count() const { return fs_.process_count(); }

private:
    void make_directories(vfs::NodeId parent, vfs::DirKey key);

    world::TaskTable& tasks_;
    const vfs::Credentials owner_;
    const std::function<void(vfs::NodeId, std::string_view)> dropped_;
    ProcFs fs_;
    vfs::Tree tree_;
    vfs::NodeId proc_{};  ///< constant after construction
    std::optional<std::pair<vfs::DirKey, vfs::FileIndex>> log_;  ///< the log's file; constant, too
    /// drop_gone() is due when there are so many.
    std::atomic<std::size_t> drop_at_;
};

}  // namespace memcgfs::interface
