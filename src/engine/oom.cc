// SPDX-License-Identifier: MIT
#include "engine/oom.h"

#include <algorithm>

#include "engine/members.h"
#include "engine/pages.h"
#include "memcgfs/base/assert.h"
#include "memcgfs/base/text_buffer.h"

namespace memcgfs::engine {

namespace {

constexpr Pages kLargestKillable{8};  ///< above order 3 a charge does not kill
constexpr std::int32_t kNeverKill = -1000;

Pages margin(const Engine::State& state, const Memcg& memcg) {
    const Pages memory = memcg.memory.margin();
    return state.memory_on_v1() ? std::min(memory, memcg.memsw.margin()) : memory;
}

void collect_tasks(const Engine::State& state, const Cgroup& group, const Memcg& memcg,
                   std::vector<Task*>& tasks) {
    for (const TaskId id : group.tasks) {
        tasks.push_back(state.tasks.find(id));
    }
    // v2: groups below without a memcg of their own are charged here.
    for (const Cgroup* child : group.children) {
        if (child->memcg == nullptr) {
            collect_tasks(state, *child, memcg, tasks);
        }
    }
}

struct Footprint {
    Pages resident{};
    Pages swapped{};
};

Footprint footprint(const Engine::State& state, const Task& task) {
    Footprint sum;
    for (const MappingId id : task.regions) {
        if (const Mapping* mapping = state.mappings.find(id); mapping != nullptr) {
            sum.resident += mapping->resident;
            sum.swapped += mapping->swapped;
        }
    }
    return sum;
}

/// What the domain can hold: its own limit plus the swap it may use (spec 6.2).
Pages total_pages(const Engine::State& state, const Memcg& domain) {
    Pages total = domain.is_root() ? state.machine().memory : domain.memory.max();
    const std::uint64_t swappiness =
        state.memory_on_v1() && !domain.is_root() ? domain.swappiness : state.vm_swappiness;
    if (swappiness != 0) {
        const Pages swap =
            state.memory_on_v1() ? domain.memsw.max() - domain.memory.max() : domain.swap.max();
        total += std::min(swap, state.machine().swap);
    }
    return total;
}

bool spared(const Task& task) {
    return task.info.oom_score_adj == kNeverKill || task.info.pid == 1;
}

/// DEVIATION(oom-only-simulated): a process without simulated memory is no candidate, for its
/// end would free nothing.
bool is_candidate(const Task& task) { return !spared(task) && !task.regions.empty(); }

Task* select_victim(const Engine::State& state, const std::vector<Task*>& tasks,
                    const Memcg& domain) {
    const auto total = static_cast<std::int64_t>(total_pages(state, domain).count());
    Task* victim = nullptr;
    std::int64_t best = 0;
    for (Task* task : tasks) {
        if (!is_candidate(*task)) {
            continue;
        }
        const Footprint pages = footprint(state, *task);
        const auto used = static_cast<std::int64_t>((pages.resident + pages.swapped).count());
        const std::int64_t score = used + task->info.oom_score_adj * (total / 1000);
        if (victim == nullptr || score >= best) {
            victim = task;
            best = score;
        }
    }
    return victim;
}

void log_killed(Engine::State& state, const Task& task) {
    const Footprint pages = footprint(state, task);
    const std::uint64_t resident_kb = pages.resident.count() * 4;
    TextBuffer line;
    line.print(
        "Memory cgroup out of memory: Killed process {} ({}) total-vm:{}kB, anon-rss:{}kB, "
        "file-rss:0kB, shmem-rss:0kB, UID:{} pgtables:0kB oom_score_adj:{}",
        task.info.pid, task.info.comm, resident_kb + pages.swapped.count() * 4, resident_kb,
        task.info.uid, task.info.oom_score_adj);
    state.log(std::move(line).take());
}

/// The topmost group between the victim's and the domain that is to be killed whole.
Memcg* kill_group(Engine::State& state, const Task& victim, const Memcg& domain) {
    Memcg* whole = nullptr;
    for (Memcg* level = &charged_memcg(state, victim); level != nullptr; level = level->parent()) {
        if (level->oom_group) {
            whole = level;
        }
        if (level == &domain) {
            break;
        }
    }
    return state.memory_on_v1() ? nullptr : whole;
}

void kill_one(Engine::State& state, Task& task) {
    state.event(charged_memcg(state, task), MemcgEvent::kOomKill);
    state.count(VmEvent::kOomKill, 1);
    log_killed(state, task);
    state.trace(TraceEvent::Kind::kOomKill, charged_memcg(state, task),
                static_cast<std::uint64_t>(task.info.pid));
    kill_task(state, task, "oom");
}

void kill_victim(Engine::State& state, Task& victim, const Memcg& domain) {
    Memcg* whole = kill_group(state, victim, domain);
    std::vector<TaskId> others;
    if (whole != nullptr) {
        for (const Task* task : tasks_of_subtree(state, *whole)) {
            others.push_back(task->id);
        }
        state.event(*whole, MemcgEvent::kOomGroupKill);
        if (state.profile().dying_oom_group_counts_victim_twice) {
            // The kernel's group kill visits the chosen victim again.
            state.event(charged_memcg(state, victim), MemcgEvent::kOomKill);
        }
    }
    kill_one(state, victim);
    for (const TaskId id : others) {
        Task* task = state.tasks.find(id);
        if (task != nullptr && !task->dying && !spared(*task)) {
            kill_one(state, *task);
        }
    }
}

}  // namespace

std::vector<Task*> tasks_of_subtree(const Engine::State& state, const Memcg& memcg) {
    std::vector<Task*> tasks;
    for (const Memcg* level = &memcg; level != nullptr; level = next_in_subtree(memcg, *level)) {
        if (const Cgroup* group = state.cgroups.find(level->cgroup); group != nullptr) {
            collect_tasks(state, *group, *level, tasks);
        }
    }
    return tasks;
}

bool oom_kill(Engine::State& state, const OpContext& op, OomRequest request) {
    const Task* current = state.tasks.find(op.task);
    const bool room = !request.domain.is_root() && margin(state, request.domain) >= request.pages;
    if (room || (current != nullptr && current->dying)) {
        return true;
    }
    const std::vector<Task*> tasks = tasks_of_subtree(state, request.domain);
    for (const Task* task : tasks) {
        if (task->dying && !task->regions.empty()) {
            return true;  // a victim is still on its way out
        }
    }
    Task* victim = select_victim(state, tasks, request.domain);
    if (victim == nullptr) {
        state.log("Out of memory and no killable processes...");
        return false;
    }
    kill_victim(state, *victim, request.domain);
    return true;
}

bool mem_cgroup_oom(Engine::State& state, OpContext& op, OomRequest request) {
    if (request.pages > kLargestKillable) {
        return false;
    }
    state.event(request.domain, MemcgEvent::kOom);
    if (state.memory_on_v1() && request.domain.oom_kill_disable) {
        if (Task* task = state.tasks.find(op.task); task != nullptr && !task->dying) {
            task->memcg_in_oom = request.domain.id();
        }
        return false;
    }
    return oom_kill(state, op, request);
}

Coro<bool> oom_synchronize(Engine::State& state, OpContext& op) {
    Task* task = state.tasks.find(op.task);
    if (task == nullptr || !task->memcg_in_oom) {
        co_return false;
    }
    Memcg* domain = state.memcgs.find(task->memcg_in_oom);
    task->memcg_in_oom = {};
    if (domain == nullptr || task->dying) {
        co_return false;
    }
    const MemcgPin pin(*domain);
    for (Memcg* level = domain; level != nullptr; level = next_in_subtree(*domain, *level)) {
        level->under_oom++;
    }
    state.oom_waiters.push_back({op.id, domain});
    co_await pause({Step::Kind::kWait, {}});
    std::erase_if(state.oom_waiters, [&](const Engine::State::OomWaiter& waiter) {
        return waiter.operation == op.id;
    });
    // Groups made meanwhile never counted this task: they stay at zero.
    for (Memcg* level = domain; level != nullptr; level = next_in_subtree(*domain, *level)) {
        level->under_oom -= level->under_oom > 0 ? 1 : 0;
    }
    co_return true;
}

void oom_recover(Engine::State& state, const Memcg& memcg) {
    if (memcg.under_oom == 0) {
        return;
    }
    for (const Engine::State::OomWaiter& waiter : state.oom_waiters) {
        if (memcg.is_descendant_of(*waiter.memcg) || waiter.memcg->is_descendant_of(memcg)) {
            state.emit(WakeEffect{waiter.operation});
        }
    }
}

void kill_task(Engine::State& state, Task& task, const char* reason) {
    task.dying = true;
    state.emit(KillEffect{task.info.pid, reason});
    if (task.operation != OperationId{}) {
        state.emit(WakeEffect{task.operation});
        return;
    }
    release_task(state, task.id);
}

}  // namespace memcgfs::engine
