// SPDX-License-Identifier: MIT
//
// The host's processes, and which of them belong where.
//
// Membership is a tag in RLIMIT_LOCKS: inherited over fork and exec like group membership,
// readable from outside, without effect. A tag names its world, so trees side by side do not see
// each other's. Where a process may not be tagged (prlimit(2): other uids without
// CAP_SYS_RESOURCE) its css_set is remembered here by pid and start time; its children then start
// from the tag it carries.
//
// A pid alone does not name a process. What was seen behind a pid is remembered with its start
// time; signals go only to that process. When snapshot() meets a pid that has passed to another
// process it leaves the pid out once, so that whoever compares snapshots sees the end of the
// first one.
//
// Threads: all methods may be called by any thread. The lock (LockRank::kTaskTable) guards only
// what is remembered; it is not held while /proc is read or a signal sent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "memcgfs/base/mutex.h"
#include "memcgfs/world/cgroup_namespaces.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::world {

class ProcReader;

class LiveTasks final : public TaskTable {
public:
    enum class Filter : std::uint8_t {
        kAll,         ///< the whole host; a process without a tag is in the root groups
        kOnlyTagged,  ///< only what descends from a process this table has tagged
    };
    struct Options {
        Filter filter = Filter::kAll;
        /// Names the world in tags, 26 bits; 0: a random one.
        std::uint32_t world_id = 0;
    };

    /// A random one, not 0.
    static std::uint32_t new_world_id();
    /// Whether a process that has not ended has a tag of that world: what comes of a member keeps
    /// it whatever it does to its mounts, its root or its parents. Needs no table.
    static bool has_tag(std::int32_t pid, std::uint32_t world_id);

    /// ENOENT and so on where there is no /proc.
    static Result<std::unique_ptr<LiveTasks>> create(Options options);
    ~LiveTasks() override;
    LiveTasks(const LiveTasks&) = delete;
    LiveTasks& operator=(const LiveTasks&) = delete;

    /// With Filter::kOnlyTagged a process outside the world is ESRCH, kernel threads apart. A
    /// caller in a pid namespace of its own has its numbers translated.
    Result<ProcessInfo> find(std::int32_t pid, std::int32_t caller_tid) override;
    /// Reads /proc/PID/task, and of a process whose first thread may have ended its state.
    std::vector<std::int32_t> threads_of(std::int32_t pid) override;
    std::vector<std::int32_t> as_seen_by(std::int32_t caller_tid,
                                         std::vector<std::int32_t> pids) override;
    /// Cheap for what has been seen before: its uid and saved_uid are those of the first look (or
    /// of the last find()), and its oom_score_adj too unless it is in a group (css_set not 0).
    std::vector<ProcessInfo> snapshot() override;
    Result<void> claim_oom_score_adj(std::int32_t pid, std::int32_t oom_score_adj) override;

    /// The process (pid in the daemon's namespace) and its future children belong to `css_set`;
    /// makes it part of this world. ESRCH.
    Result<void> set_css_set(std::int32_t pid, std::uint32_t css_set);

    std::optional<std::uint32_t> css_set(std::int32_t pid) override;
    std::optional<std::uint32_t> namespace_root(std::int32_t tid) override {
        return cgroup_namespaces_.root_of(tid);
    }
    CgroupNamespaces& cgroup_namespaces() { return cgroup_namespaces_; }
    void leaves(std::int32_t pid) override;

    /// The process's next children belong to `css_set`, and it stays where it is; until
    /// set_css_set() puts it there, with all further children. ESRCH; EPERM: it has no tag.
    Result<void> lend_css_set(std::int32_t pid, std::uint32_t css_set);

    /// SIGKILL to the process last seen behind `pid`. ESRCH if it has gone, was never seen, or the
    /// pid has passed to another; EPERM.
    Result<void> kill(std::int32_t pid);
    /// SIGSTOP or SIGCONT. Errors as for kill().
    Result<void> freeze(std::int32_t pid, bool frozen);

    std::uint32_t world_id() const { return world_id_; }

private:
    struct Met {
        std::int32_t pid = 0;
        std::uint64_t start_time = 0;
    };
    struct Details {
        std::uint32_t uid = 0;
        std::uint32_t saved_uid = 0;
        std::int32_t oom_score_adj = 0;
    };
    struct Claim {
        std::int32_t real = 0;
        std::int32_t claimed = 0;
    };
    struct Seen {
        std::uint64_t start_time = 0;
        std::optional<Claim> oom_score_adj;
        std::optional<Details> details;
        bool left = false;  ///< leaves()
        bool stopped = false;  ///< before it was frozen, and so it stays
        /// Set where tagging was refused.
        std::optional<std::uint32_t> css_set;
        /// The limit as /proc/PID/limits showed it, where prlimit(2) is refused: nobody but the
        /// process itself can have changed it since.
        std::optional<std::uint64_t> locks_limit;
        /// When it was written down, in the count of snapshots; a snapshot forgets only what is
        /// older than its own start.
        std::uint64_t epoch = 0;
    };

    LiveTasks(Options options, std::unique_ptr<ProcReader> proc);
    Result<std::int32_t> resolve(std::int32_t pid, std::int32_t caller_tid) const;
    Result<std::int32_t> translate(std::int32_t pid, std::int32_t caller_tid,
                                   std::size_t caller_depth) const;
    /// The number of a process or thread at that depth of pid namespaces, if it is a member of
    /// that one; 0.
    std::int32_t number_in(int name_space, std::size_t depth, std::int32_t tid) const;
    /// The css_set its tag names; nothing for a process that has none of this world's.
    std::optional<std::uint32_t> membership(Met process, const Seen& seen);
    Result<ProcessInfo> look_at(std::int32_t pid, std::vector<Met>& met);
    Result<Details> read_details(std::int32_t pid, const Seen& seen) const;
    Result<std::int32_t> read_oom_score_adj(std::int32_t pid, const Seen& seen) const;
    /// What is known of this process; an empty record if nothing is.
    Seen known(Met process);
    bool remembered(std::int32_t pid);
    Result<void> write_tag(std::int32_t pid, std::uint32_t css_set) const;
    Result<void> signal(std::int32_t pid, int number);
    /// True if `process` is what was last seen behind its pid, or the first that is seen there.
    bool remember(Met process);
    Seen& entry_of(Met process) MEMCGFS_REQUIRES(mutex_);
    std::vector<std::int32_t> settle_seen(const std::vector<Met>& met, std::uint64_t epoch);

    const Filter filter_;
    const std::uint32_t world_id_;
    const std::unique_ptr<ProcReader> proc_;
    CgroupNamespaces cgroup_namespaces_;
    Mutex mutex_{LockRank::kTaskTable};
    std::unordered_map<std::int32_t, Seen> seen_ MEMCGFS_GUARDED_BY(mutex_);
    std::uint64_t epoch_ MEMCGFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace memcgfs::world
