// SPDX-License-Identifier: MIT
#include "engine/oom.h"

#include <algorithm>

#include "engine/footprint.h"
#include "engine/members.h"
#include "engine/oom_priority.h"
#include "engine/oom_report.h"
#include "engine/oom_wait.h"
#include "engine/pages.h"
#include "engine/threads.h"

namespace memcgfs::engine {

namespace {

constexpr Pages kLargestKillable{8};  ///< above order 3 a charge does not kill
constexpr std::int32_t kNeverKill = -1000;
constexpr std::uint32_t kPanicAlways = 2;

void collect_tasks(const Engine::State& state, const Cgroup& group, const Memcg& memcg,
                   std::vector<Task*>& tasks) {
    for (const TaskId id : group.tasks) {
        // A victim is a process, and where its first thread is.
        if (Task* task = state.tasks.find(id); !is_thread(*task)) {
            tasks.push_back(task);
        }
    }
    // v2: groups below without a memcg of their own are charged here.
    for (const Cgroup* child : group.children) {
        if (child->memcg == nullptr) {
            collect_tasks(state, *child, memcg, tasks);
        }
    }
}

/// What the domain can hold: its own limit plus the swap it may use (spec 6.2).
Pages total_pages(const Engine::State& state, const Memcg& domain) {
    Pages total = domain.is_root() ? state.machine().memory : domain.memory.max();
    const std::uint64_t swappiness =
        state.memory_on_v1() && !domain.is_root() ? domain.swappiness : state.vm_swappiness;
    if (swappiness != 0) {
        const Pages swap =
            state.memory_on_v1() ? domain.memsw.max() - domain.memory.max() : domain.swap.max();
        total += std::min(swap, state.swap_total());
    }
    return total;
}

struct Selection {
    Task* victim = nullptr;
    std::int64_t score = 0;
    bool pending = false;  ///< a victim chosen before is still on its way out
};

/// select_bad_process over the candidates in walk order.
Selection select_victim(const Engine::State& state, const std::vector<Task*>& tasks, Pages total) {
    Selection best;
    for (Task* task : tasks) {
        if (task->oom_victim && !task->oom_reaped) {
            return {.pending = true};
        }
        if (task->oom_reaped || !is_oom_candidate(*task)) {
            continue;
        }
        const std::int64_t score = oom_badness(state, *task, total);
        const bool tie_wins = !state.profile().oom_tie_keeps_first;
        if (best.victim == nullptr || score > best.score || (score == best.score && tie_wins)) {
            best.victim = task;
            best.score = score;
        }
    }
    return best;
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

/// Frees the private memory that only this process has (__oom_reap_task_mm).
void reap(Engine::State& state, Task& task) {
    for (const MappingId id : task.regions) {
        Mapping* mapping = state.mappings.find(id);
        if (mapping != nullptr && mapping->kind() == PageKind::kAnon && mapping->users == 1) {
            free_all_pages(state, *mapping);
        }
    }
    task.oom_reaped = true;
    log_reaped(state, task);
}

/// A victim that is still there after the delay has its memory taken away (oom_reaper).
Coro<OperationResult> reap_later(Engine::State& state, OpContext& op, TaskId victim) {
    const Nanos until = op.clock->now() + state.profile().oom_reaper_delay;
    while (state.tasks.find(victim) != nullptr && op.clock->now() < until) {
        co_await pause({Step::Kind::kSleep, until});
    }
    if (Task* task = state.tasks.find(victim); task != nullptr && !task->oom_reaped) {
        reap(state, *task);
    }
    co_return std::uint64_t{0};
}

/// Up to 5.17 the reaper is as fast as the victim.
void queue_reaper(Engine::State& state, Task& task) {
    if (state.profile().oom_reaper_delay == Nanos{0}) {
        reap(state, task);
    } else if (task.operation != OperationId{}) {
        state.emit(SpawnEffect{state.make_operation(
            "oom_reaper",
            [&state, id = task.id](OpContext& op) { return reap_later(state, op, id); })});
    }
}

/// A victim that is already exiting is only hurried along.
void hurry(Engine::State& state, Task& task) {
    task.oom_victim = true;
    queue_reaper(state, task);
}

void kill_one(Engine::State& state, Task& task, std::string_view message) {
    Memcg& memcg = charged_memcg(state, task);
    state.event(memcg, MemcgEvent::kOomKill);
    state.count(VmEvent::kOomKill, 1);
    log_killed(state, task, message);
    if (task.oom_victim) {
        return;  // a group kill visits the chosen victim once more
    }
    state.trace(TraceEvent::Kind::kOomKill, memcg, static_cast<std::uint64_t>(task.info.pid));
    task.oom_victim = true;
    queue_reaper(state, task);
}

void kill_victim(Engine::State& state, Task& victim, const OomReport& report) {
    const std::string_view message = oom_message(report);
    Memcg* whole = kill_group(state, victim, report.domain);
    kill_one(state, victim, message);
    std::vector<TaskId> killed{victim.id};
    if (whole != nullptr) {
        state.event(*whole, MemcgEvent::kOomGroupKill);
        log_group_kill(state, *whole);
        const bool twice = state.profile().dying_oom_group_counts_victim_twice;
        for (Task* task : tasks_of_subtree(state, *whole)) {
            const bool again = task == &victim;
            if (oom_spares(*task) || (task->dying && !again) || (again && !twice)) {
                continue;
            }
            kill_one(state, *task, message);
            if (!again) {
                killed.push_back(task->id);
            }
        }
    }
    // Only now: a task that has no operation under way is gone the moment it is killed.
    for (const TaskId id : killed) {
        kill_task(state, *state.tasks.find(id), "oom");
    }
}

void panic(Engine::State& state, const OomReport& report, const std::vector<Task*>& tasks) {
    report_oom(state, report, tasks);
    const bool always = state.vm_panic_on_oom == kPanicAlways;
    state.log(std::string("Kernel panic - not syncing: Out of memory: ") +
                  (always ? "compulsory" : "system-wide") + " panic_on_oom is enabled",
              LogLevel::kEmergency);
    state.panicked = true;
}

}  // namespace

bool oom_spares(const Task& task) {
    return task.info.oom_score_adj == kNeverKill || task.info.pid == 1;
}

bool is_oom_candidate(const Task& task) {
    const bool at_work = task.operation != OperationId{};  // a writer of files may map nothing
    return !oom_spares(task) && (at_work || !task.regions.empty());
}

std::int64_t oom_badness(const Engine::State& state, const Task& task, Pages total) {
    const Footprint pages = footprint(state, task);
    const Pages used = pages.resident() + pages.swapped + pages.page_tables;
    const auto share = static_cast<std::int64_t>(total.count() / 1000);
    const std::int64_t score =
        static_cast<std::int64_t>(used.count()) + task.info.oom_score_adj * share;
    return state.profile().oom_tie_keeps_first ? std::max<std::int64_t>(score, 1) : score;
}

Pages margin(const Engine::State& state, const Memcg& memcg) {
    const Pages memory = memcg.memory.margin();
    return state.memory_on_v1() ? std::min(memory, memcg.memsw.margin()) : memory;
}

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
    Task* current = state.tasks.find(op.task);
    const bool room = !request.domain.is_root() && margin(state, request.domain) >= request.pages;
    if (room || (current != nullptr && current->dying)) {
        return true;
    }
    if (state.panicked) {
        return false;
    }
    const std::vector<Task*> tasks = tasks_of_subtree(state, request.domain);
    OomReport report{.domain = request.domain,
                     .current = current,
                     .pages = request.pages,
                     .total = std::max(total_pages(state, request.domain), Pages{1})};
    const std::uint32_t panic_on_oom = state.vm_panic_on_oom;
    if (panic_on_oom == kPanicAlways || (panic_on_oom != 0 && request.domain.is_root())) {
        panic(state, report, tasks);
        return false;
    }
    if (state.vm_oom_kill_allocating_task != 0 && request.domain.is_root() && current != nullptr &&
        !oom_spares(*current)) {
        report.victim = current;
        report.victim_asked = true;
        report_oom(state, report, tasks);
        kill_victim(state, *current, report);
        return true;
    }
    const Memcg& giver = oom_priority_domain(state, request.domain);
    const Selection selection = select_victim(
        state, &giver == &request.domain ? tasks : tasks_of_subtree(state, giver), report.total);
    if (selection.pending) {
        return true;
    }
    report.victim = selection.victim;
    report.score = selection.score;
    if (selection.victim == nullptr) {
        report_oom(state, report, tasks);
        state.log("Out of memory and no killable processes...", LogLevel::kWarning);
        return false;
    }
    if (selection.victim->dying) {
        hurry(state, *selection.victim);
        return true;
    }
    report_oom(state, report, tasks);
    kill_victim(state, *selection.victim, report);
    return true;
}

OomStatus mem_cgroup_oom(Engine::State& state, OpContext& op, OomRequest request) {
    if (request.pages > kLargestKillable) {
        return OomStatus::kSkipped;
    }
    state.event(request.domain, MemcgEvent::kOom);
    if (state.memory_on_v1() && request.domain.oom_kill_disable) {
        if (Task* task = state.tasks.find(op.task); task != nullptr && !task->dying) {
            task->memcg_in_oom = request.domain.id();
        }
        return OomStatus::kSkipped;
    }
    // The mark of under_oom lasts as long as the choice: nobody sees it.
    const bool locked = state.memory_on_v1() && oom_trylock(request.domain);
    if (locked) {
        oom_notify(state, request.domain);
    }
    const bool killed = oom_kill(state, op, request);
    if (locked) {
        oom_unlock(request.domain);
    }
    return killed ? OomStatus::kSuccess : OomStatus::kFailed;
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
