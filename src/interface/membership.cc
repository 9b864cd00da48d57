// SPDX-License-Identifier: MIT
#include "interface/membership.h"

#include <algorithm>
#include <set>

#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

using engine::Cgroup;

engine::TaskInfo task_info(const world::ProcessInfo& process) {
    return {.pid = process.pid,
            .uid = process.uid,
            .oom_score_adj = process.oom_score_adj,
            .comm = process.comm,
            .threads = process.threads};
}

void collect_tasks(const Cgroup& group, std::vector<engine::TaskId>& tasks) {
    tasks.insert(tasks.end(), group.tasks.begin(), group.tasks.end());
    for (const Cgroup* child : group.children) {
        collect_tasks(*child, tasks);
    }
}

unsigned depth(const Cgroup& group) {
    unsigned levels = 0;
    for (const Cgroup* at = group.parent; at != nullptr; at = at->parent) {
        levels++;
    }
    return levels;
}

const Cgroup& common_ancestor(const Cgroup& a, const Cgroup& b) {
    const Cgroup* left = &a;
    const Cgroup* right = &b;
    while (left != right) {
        const bool left_is_deeper = depth(*left) >= depth(*right);
        const Cgroup*& deeper = left_is_deeper ? left : right;
        deeper = deeper->parent;
    }
    return *left;
}

/// Where in v2 what is moved is now. Engine lock held.
const Cgroup& source_of(const engine::Engine& engine, const world::ProcessInfo& process,
                        const Membership::Move& move) {
    const engine::Task* thread =
        move.one_thread ? engine.find_thread(process.pid, process.tid) : nullptr;
    const engine::Task* task = thread != nullptr ? thread : engine.find_task_by_pid(process.pid);
    const engine::Hierarchy& v2 = *engine.unified();
    const Cgroup* group =
        engine.find((task != nullptr ? task->groups : engine.css_set(process.css_set)).in(v2.id));
    return group != nullptr ? *group : *v2.root;
}

bool is_at_or_below(const Cgroup& group, engine::CgroupId ancestor) {
    const Cgroup* at = &group;
    while (at != nullptr && at->id != ancestor) {
        at = at->parent;
    }
    return at != nullptr;
}

/// Who is behind a boundary moves what he sees to where he sees it. ENOENT. Engine lock held.
Result<void> check_boundary(const engine::Engine& engine, const world::ProcessInfo& process,
                            const Membership::Move& move, engine::CgroupId boundary) {
    const Cgroup* to = engine.find(move.group);
    return to != nullptr && is_at_or_below(*to, boundary) &&
                   is_at_or_below(source_of(engine, process, move), boundary)
               ? Result<void>{}
               : Err(Errno::kENOENT);
}

}  // namespace

std::vector<Member> processes_of(const engine::Engine& engine, const Cgroup& group) {
    std::vector<Member> members;
    for (const engine::TaskId id : group.tasks) {
        if (const engine::Task* task = engine.find(id)) {
            // A thread of a process that is elsewhere stands for it; the file has it once.
            members.push_back(
                {.id = task->info.process != 0 ? task->info.process : task->info.pid});
        }
    }
    return members;
}

std::vector<Member> leaders_of(const engine::Engine& engine, const Cgroup& group) {
    std::vector<Member> members;
    for (const engine::TaskId id : group.tasks) {
        if (const engine::Task* task = engine.find(id);
            task != nullptr && task->info.process == 0) {
            members.push_back({.id = task->info.pid});
        }
    }
    return members;
}

std::vector<Member> threads_of(const engine::Engine& engine, const Cgroup& group) {
    std::vector<Member> members;
    for (const engine::TaskId id : group.tasks) {
        if (const engine::Task* task = engine.find(id)) {
            members.push_back({.id = task->info.pid,
                               .all_threads = task->info.process == 0 && task->info.threads > 1});
        }
    }
    return members;
}

std::vector<std::int32_t> Membership::as_seen_by(const vfs::Credentials& caller,
                                                 const std::vector<Member>& members) const {
    std::vector<std::int32_t> ids;
    for (const Member& member : members) {
        if (!member.all_threads) {
            ids.push_back(member.id);
            continue;
        }
        std::vector<std::int32_t> threads = tasks_.threads_of(member.id);
        const MutexLock lock(engine_mutex_);
        std::erase_if(threads, [&](std::int32_t tid) {
            return engine_.find_thread(member.id, tid) != nullptr;
        });
        ids.insert(ids.end(), threads.begin(), threads.end());
    }
    return tasks_.as_seen_by(caller.pid, std::move(ids));
}

std::vector<engine::TaskId> Membership::known_tasks() const {
    // Every task is in one group of each hierarchy, so one hierarchy has them all.
    const Cgroup* root = engine_.memory_hierarchy().root;
    std::vector<engine::TaskId> tasks;
    collect_tasks(*root, tasks);
    return tasks;
}

engine::TaskId Membership::learn(const world::ProcessInfo& process) {
    if (engine::Task* task = engine_.find_task_by_pid(process.pid)) {
        engine_.update_task(task->id, task_info(process));
        return task->id;
    }
    return engine_.add_task(task_info(process), engine_.css_set(process.css_set));
}

void Membership::drop_ended_threads(const std::vector<engine::TaskId>& before,
                                    const std::map<std::int32_t, std::vector<std::int32_t>>& now) {
    for (const engine::TaskId id : before) {
        const engine::Task* task = engine_.find(id);
        if (task == nullptr) {
            continue;
        }
        const std::vector<std::int32_t>& threads = now.at(task->info.process);
        if (std::find(threads.begin(), threads.end(), task->info.pid) == threads.end()) {
            engine_.exit_task(id);
        }
    }
}

void Membership::refresh() {
    std::vector<engine::TaskId> before;
    std::vector<engine::TaskId> threads_before;
    std::map<std::int32_t, std::vector<std::int32_t>> threads;
    {
        const MutexLock lock(engine_mutex_);
        before = known_tasks();
        threads_before = engine_.threads_apart();
        for (const engine::TaskId id : threads_before) {
            threads[engine_.find(id)->info.process];
        }
    }
    const std::vector<world::ProcessInfo> now = tasks_.snapshot();
    for (auto& [pid, ids] : threads) {
        ids = tasks_.threads_of(pid);
    }
    std::set<std::int32_t> pids;
    std::vector<std::uint32_t> zombies;
    for (const auto& process : now) {
        if (process.zombie) {
            zombies.push_back(process.css_set);
        } else {
            pids.insert(process.pid);
        }
    }

    const MutexLock lock(engine_mutex_);
    drop_ended_threads(threads_before, threads);
    for (const engine::TaskId id : before) {
        const engine::Task* task = engine_.find(id);
        if (task != nullptr && task->info.process == 0 && !pids.contains(task->info.pid)) {
            engine_.exit_task(id);
        }
    }
    for (const auto& process : now) {
        if (!process.zombie) {
            learn(process);
        }
    }
    engine_.set_zombies(zombies);
}

std::optional<engine::CgroupId> Membership::boundary_of(std::optional<std::uint32_t> root) const {
    if (!root) {
        return std::nullopt;
    }
    const MutexLock lock(engine_mutex_);
    const engine::Hierarchy* v2 = engine_.unified();
    return v2 != nullptr && engine_.mount_flags().nsdelegate
               ? std::optional(engine_.css_set(*root).in(v2->id))
               : std::nullopt;
}

std::optional<std::uint32_t> Membership::note_opener(const vfs::Credentials& opener) const {
    return tasks_.namespace_root(opener.pid);
}

bool Membership::is_delegated(engine::CgroupId group, const vfs::Credentials& opener) const {
    return boundary_of(opener.noted) == group;
}

Result<void> Membership::check_v2_permission(const world::ProcessInfo& process, const Move& move) {
    vfs::DirKey ancestor{};
    {
        const MutexLock lock(engine_mutex_);
        const Cgroup* to = engine_.find(move.group);
        if (to == nullptr) {
            return Err(Errno::kENODEV);
        }
        ancestor = vfs::DirKey{common_ancestor(source_of(engine_, process, move), *to).id.value};
    }
    if (!hooks_.may_write || !hooks_.may_write(ancestor, move.procs_file, move.opener)) {
        return Err(Errno::kEACCES);
    }
    return {};
}

Result<void> Membership::may_fork_into(const world::ProcessInfo& process, engine::CgroupId group,
                                       vfs::FileIndex procs_file, const vfs::Credentials& who) {
    {
        const MutexLock lock(engine_mutex_);
        if (engine_.find(group) == nullptr) {
            return Err(Errno::kENODEV);
        }
    }
    const vfs::DirKey into{group.value};
    if (!hooks_.may_write || !hooks_.may_write(into, procs_file, who)) {
        return Err(Errno::kEACCES);
    }
    const Move move{.group = group, .procs_file = procs_file, .opener = who, .caller = who};
    MEMCGFS_TRY(check_v2_permission(process, move));
    const auto boundary = boundary_of(note_opener(who));
    const MutexLock lock(engine_mutex_);
    return boundary ? check_boundary(engine_, process, move, *boundary) : Result<void>{};
}

Result<vfs::StoreOutcome> Membership::move(std::string_view text, const Move& move) {
    const std::int32_t pid = MEMCGFS_TRY(parse_pid(text));
    const world::ProcessInfo process = MEMCGFS_TRY(tasks_.find(pid, move.caller.pid));
    if (process.kernel_thread) {
        return Err(Errno::kEINVAL);
    }
    bool is_v2 = false;
    bool moves_files = false;
    {
        const MutexLock lock(engine_mutex_);
        const Cgroup* group = engine_.find(move.group);
        if (group == nullptr) {
            return Err(Errno::kENODEV);
        }
        is_v2 = group->is_v2();
        moves_files = engine_.moves_files(move.group);
    }
    if (is_v2) {
        if (move.opener.uid != 0) {
            MEMCGFS_TRY(check_v2_permission(process, move));
        }
        if (const auto boundary = boundary_of(move.opener.noted)) {
            const MutexLock lock(engine_mutex_);
            MEMCGFS_TRY(check_boundary(engine_, process, move, *boundary));
        }
    } else if (move.opener.uid != 0 && move.opener.uid != process.uid &&
               move.opener.uid != process.saved_uid) {
        return Err(Errno::kEACCES);
    }
    if (process.zombie) {
        return vfs::StoreOutcome{};
    }
    std::vector<std::int32_t> threads;
    if (move.one_thread && process.threads > 1) {
        threads = tasks_.threads_of(process.pid);
    }
    FileRegions files;
    if (moves_files && hooks_.mapped_files) {
        files = hooks_.mapped_files(process.pid);
    }
    const MutexLock lock(engine_mutex_);
    const engine::TaskId task = learn(process);
    return vfs::StoreOutcome{
        .operation = MEMCGFS_TRY(
            move.one_thread ? migrate_thread(task, process.tid, threads, move, std::move(files))
                            : engine_.migrate_task(task, move.group, std::move(files)))};
}

Result<engine::OperationPtr> Membership::migrate_thread(engine::TaskId process, std::int32_t tid,
                                                        std::span<const std::int32_t> threads,
                                                        const Move& move, FileRegions files) {
    const engine::Task* thread = engine_.find_thread(engine_.find(process)->info.pid, tid);
    const Cgroup* group = engine_.find(move.group);
    if (group != nullptr && group->is_v2()) {
        MEMCGFS_TRY(engine_.may_move_thread(thread != nullptr ? thread->id : process, move.group));
    }
    return threads.size() > 1
               ? engine_.migrate_thread(process, tid, threads, move.group, std::move(files))
               : engine_.migrate_task(process, move.group, std::move(files));
}

}  // namespace memcgfs::interface
