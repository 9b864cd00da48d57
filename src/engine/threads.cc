// SPDX-License-Identifier: MIT
//
// Threads apart from their processes, and the moves of both (kernel/cgroup/cgroup.c, 6.1).
#include "engine/threads.h"

#include <algorithm>

#include "engine/members.h"
#include "engine/psi.h"
#include "memcgfs/base/assert.h"

namespace memcgfs::engine {

namespace {

/// True if the task was not there yet.
bool move_one(Engine::State& state, Task& task, Cgroup& group) {
    const CgroupId membership = task.groups.in(group.hierarchy->id);
    if (membership == group.id) {
        return false;
    }
    Cgroup* old = state.cgroups.find(membership);
    MEMCGFS_ASSERT(old != nullptr);
    std::erase(old->tasks, task.id);
    if (group.is_v2()) {
        psi_move_task(state, task, &group);
    }
    join(state, task, group);
    change_populated(state, *old, -1);
    return true;
}

std::vector<TaskId> tasks_of_threads(const Engine::State& state, std::int32_t pid) {
    std::vector<TaskId> tasks;
    if (const auto found = state.threads_apart.find(pid); found != state.threads_apart.end()) {
        for (const auto& [tid, task] : found->second) {
            tasks.push_back(task);
        }
    }
    return tasks;
}

}  // namespace

Task& set_thread_apart(Engine::State& state, Task& process, std::int32_t tid) {
    auto& threads = state.threads_apart[process.info.pid];
    if (const auto found = threads.find(tid); found != threads.end()) {
        return *state.tasks.find(found->second);
    }
    TaskInfo info = process.info;
    info.pid = tid;
    info.process = process.info.pid;
    info.threads = 1;
    Task& thread = state.tasks.emplace(std::move(info));
    threads.emplace(tid, thread.id);
    process.info.threads -= process.info.threads > 1 ? 1 : 0;
    thread.groups.groups.resize(state.hierarchies.size());
    for (const CgroupId id : process.groups.groups) {
        if (Cgroup* group = state.cgroups.find(id); group != nullptr) {
            join(state, thread, *group);
        }
    }
    return thread;
}

void rejoin_threads(Engine::State& state, Task& process) {
    for (const TaskId id : tasks_of_threads(state, process.info.pid)) {
        if (state.tasks.find(id)->groups == process.groups) {
            release_task(state, id);
            process.info.threads++;
        }
    }
}

void forget_threads(Engine::State& state, const Task& task) {
    if (!is_thread(task)) {
        for (const TaskId id : tasks_of_threads(state, task.info.pid)) {
            release_task(state, id);
        }
        return;
    }
    const auto found = state.threads_apart.find(task.info.process);
    MEMCGFS_ASSERT(found != state.threads_apart.end());
    found->second.erase(task.info.pid);
    if (found->second.empty()) {
        state.threads_apart.erase(found);
    }
}

bool is_frozen(const Engine::State& state, const Task& task) {
    // DEVIATION(threads-share-a-tag): a process stops as a whole.
    const auto by_itself = [&state](const Task* each) {
        const auto& groups = each->groups.groups;
        return std::any_of(groups.begin(), groups.end(), [&state](CgroupId id) {
            const Cgroup* group = state.cgroups.find(id);
            return group != nullptr && is_frozen(*group);
        });
    };
    const auto process = state.task_by_pid.find(process_of(task));
    if (by_itself(&task) || (process != state.task_by_pid.end() &&
                             by_itself(state.tasks.find(process->second)))) {
        return true;
    }
    const std::vector<TaskId> threads = tasks_of_threads(state, process_of(task));
    return std::any_of(threads.begin(), threads.end(),
                       [&](TaskId id) { return by_itself(state.tasks.find(id)); });
}

Result<void> Engine::attach(TaskId id, CgroupId group_id, bool with_threads) {
    Task* task = state_->tasks.find(id);
    Cgroup* group = state_->cgroups.find(group_id);
    if (task == nullptr) {
        return Err(Errno::kESRCH);
    }
    if (group == nullptr) {
        return Err(Errno::kENODEV);
    }
    MEMCGFS_TRY(may_attach(*group));
    const bool was_frozen = is_frozen(*state_, *task);
    const bool moved = move_one(*state_, *task, *group);
    if (with_threads) {
        for (const TaskId thread : tasks_of_threads(*state_, task->info.pid)) {
            move_one(*state_, *state_->tasks.find(thread), *group);
        }
    }
    if (was_frozen != is_frozen(*state_, *task)) {
        state_->emit(FreezeEffect{process_of(*task), !was_frozen});
    }
    if (moved && !is_thread(*task)) {
        state_->emit(MoveEffect{task->info.pid, css_set_of(task->groups)});
    }
    rejoin_threads(*state_, *find_task_by_pid(process_of(*task)));
    return {};
}

Task* Engine::find_thread(std::int32_t pid, std::int32_t tid) const {
    const auto process = state_->threads_apart.find(pid);
    if (process == state_->threads_apart.end()) {
        return nullptr;
    }
    const auto thread = process->second.find(tid);
    return thread != process->second.end() ? find(thread->second) : nullptr;
}

std::vector<TaskId> Engine::threads_apart() const {
    std::vector<TaskId> tasks;
    for (const auto& [pid, threads] : state_->threads_apart) {
        for (const auto& [tid, task] : threads) {
            tasks.push_back(task);
        }
    }
    return tasks;
}

void Engine::update_task(TaskId id, TaskInfo info) {
    Task& task = *state_->tasks.find(id);
    const auto threads = state_->threads_apart.find(task.info.pid);
    const std::size_t apart = threads != state_->threads_apart.end() ? threads->second.size() : 0;
    task.info = std::move(info);
    // The first thread is never apart from its process, and counts of before may be older.
    task.info.threads = std::max<std::uint32_t>(
        1, task.info.threads - std::min(task.info.threads, static_cast<std::uint32_t>(apart)));
}

Result<OperationPtr> Engine::migrate_thread(TaskId id, std::int32_t tid,
                                            std::span<const std::int32_t> threads,
                                            CgroupId group_id, std::vector<FileRegion> files) {
    Task* process = state_->tasks.find(id);
    if (process == nullptr) {
        return Err(Errno::kESRCH);
    }
    if (tid != process->info.pid) {
        const Task& thread = set_thread_apart(*state_, *process, tid);
        const Result<void> attached = attach(thread.id, group_id, false);
        rejoin_threads(*state_, *process);
        return attached.ok() ? Result<OperationPtr>(OperationPtr{})
                             : Result<OperationPtr>(Err(attached.error()));
    }
    for (const std::int32_t other : threads) {
        if (other != tid) {
            set_thread_apart(*state_, *process, other);
        }
    }
    auto moving = migrate(id, group_id, false, std::move(files));
    if (!moving.ok()) {
        rejoin_threads(*state_, *process);
    }
    return moving;
}

}  // namespace memcgfs::engine
