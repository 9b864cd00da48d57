// SPDX-License-Identifier: MIT
#include "engine/oom_report.h"

#include <array>
#include <string_view>

#include "engine/footprint.h"
#include "engine/members.h"
#include "engine/stat_flush.h"

namespace memcgfs::engine {

namespace {

std::uint64_t kib(Pages pages) { return pages.count() * 4; }

template <class... Args>
void log_line(Engine::State& state, fmt::format_string<Args...> format, Args&&... args) {
    TextBuffer line;
    line.print(format, std::forward<Args>(args)...);
    state.log(std::move(line).take());
}

template <class... Args>
void warn_line(Engine::State& state, fmt::format_string<Args...> format, Args&&... args) {
    TextBuffer line;
    line.print(format, std::forward<Args>(args)...);
    state.log(std::move(line).take(), LogLevel::kWarning);
}

bool may_log(Engine::State& state, RateLimit& limit, std::string_view function) {
    const RateLimit::Verdict verdict = limit.ask(state.environment.clock.now());
    if (verdict.suppressed > 0) {
        warn_line(state, "{}: {} callbacks suppressed", function, verdict.suppressed);
    }
    return verdict.allowed;
}

unsigned order_of(Pages pages) {
    unsigned order = 0;
    while ((1U << order) < pages.count()) {
        order++;
    }
    return order;
}

void report_caller(Engine::State& state, const OomReport& report) {
    const bool old_form = state.profile().oom_report_old_form;
    const std::string_view comm =
        report.current != nullptr ? std::string_view(report.current->info.comm) : "memcgfs";
    warn_line(state, "{} invoked oom-killer: gfp_mask={}(GFP_KERNEL), {}order={}, oom_score_adj={}",
              comm, old_form ? "0x6000c0" : "0xcc0", old_form ? "nodemask=(null), " : "",
              order_of(report.pages),
              report.current != nullptr ? report.current->info.oom_score_adj : 0);
    if (old_form) {
        warn_line(state, "{} cpuset=/ mems_allowed=0", comm);
    }
}

void report_counter(Engine::State& state, std::string_view name, const PageCounter& counter) {
    log_line(state, "{}: usage {}kB, limit {}kB, failcnt {}", name, kib(counter.usage()),
             kib(counter.max()), counter.failcnt());
}

void report_stat(Engine::State& state, Memcg& memcg) {
    log_line(state, "Memory cgroup stats for {}:", path_of(state, memcg));
    TextBuffer text;
    flush_stats(state, memcg);
    if (state.environment.print_stat) {
        state.environment.print_stat(memcg, text);
    }
    for (std::string_view left = text.view(); !left.empty();) {
        const std::size_t end = left.find('\n');
        state.log(std::string(left.substr(0, end)));
        left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    }
}

/// Up to 5.0 each group of the tree has one line (mem_cgroup_print_oom_info).
void report_stat_in_one_line(Engine::State& state, const Memcg& memcg) {
    struct Word {
        std::string_view name;
        StatItem item;
    };
    constexpr std::array kWords{
        Word{"cache", StatItem::kFile},
        Word{"rss", StatItem::kAnon},
        Word{"rss_huge", StatItem::kAnonThp},
        Word{"shmem", StatItem::kShmem},
        Word{"mapped_file", StatItem::kFileMapped},
        Word{"dirty", StatItem::kFileDirty},
        Word{"writeback", StatItem::kFileWriteback},
        Word{"swap", StatItem::kSwap},
        Word{"inactive_anon", StatItem::kInactiveAnon},
        Word{"active_anon", StatItem::kActiveAnon},
        Word{"inactive_file", StatItem::kInactiveFile},
        Word{"active_file", StatItem::kActiveFile},
        Word{"unevictable", StatItem::kUnevictable},
    };
    TextBuffer line;
    line.print("Memory cgroup stats for {}:", path_of(state, memcg));
    for (const Word& word : kWords) {
        line.print(" {}:{}KB", word.name,
                   kib(Pages{static_cast<std::uint64_t>(memcg.stat(word.item))}));
    }
    state.log(std::move(line).take());
}

void report_memory(Engine::State& state, const OomReport& report) {
    Memcg& domain = report.domain;
    const bool old_form = state.profile().oom_report_old_form;
    if (old_form && report.victim != nullptr) {
        log_line(state, "Task in {} killed as a result of limit of {}",
                 path_of(state, charged_memcg(state, *report.victim)), path_of(state, domain));
    } else if (old_form) {
        log_line(state, "Memory limit reached of cgroup {}", path_of(state, domain));
    }
    report_counter(state, "memory", domain.memory);
    if (state.memory_on_v1() || old_form) {
        report_counter(state, "memory+swap", domain.memsw);
        report_counter(state, "kmem", domain.kmem());
    } else {
        report_counter(state, "swap", domain.swap);
    }
    if (!old_form) {
        report_stat(state, domain);
        return;
    }
    for (const Memcg* level = &domain; level != nullptr; level = next_in_subtree(domain, *level)) {
        report_stat_in_one_line(state, *level);
    }
}

void report_tasks(Engine::State& state, const std::vector<Task*>& tasks) {
    const bool kinds = state.profile().oom_report_rss_kinds;
    state.log("Tasks state (memory values in pages):");
    log_line(state,
             "[  pid  ]   uid  tgid total_vm      rss {}pgtables_bytes swapents oom_score_adj name",
             kinds ? "rss_anon rss_file rss_shmem " : "");
    for (const Task* task : tasks) {
        const TaskInfo& info = task->info;
        const Footprint pages = footprint(state, *task);
        TextBuffer line;
        line.print("[{:7}] {:5} {:5} {:8} {:8} ", info.pid, info.uid, info.pid,
                   pages.virtual_size.count(), pages.resident().count());
        if (kinds) {
            line.print("{:8} {:8} {:9} ", pages.anon.count(), pages.file.count(),
                       pages.shmem.count());
        }
        line.print("{:8} {:8}         {:5} {}", to_bytes(pages.page_tables).count(),
                   pages.swapped.count(), info.oom_score_adj, info.comm);
        state.log(std::move(line).take());
    }
}

void report_summary(Engine::State& state, const OomReport& report) {
    const Task& victim = *report.victim;
    const bool global = report.domain.is_root();
    log_line(state,
             "oom-kill:constraint={},nodemask=(null),cpuset=/,mems_allowed=0,{}{},task_memcg={},"
             "task={},pid={},uid={}",
             global ? "CONSTRAINT_NONE" : "CONSTRAINT_MEMCG", global ? "global_oom" : "oom_memcg=",
             global ? "" : path_of(state, report.domain),
             path_of(state, charged_memcg(state, victim)), victim.info.comm, victim.info.pid,
             victim.info.uid);
}

}  // namespace

std::string_view oom_message(const OomReport& report) {
    if (!report.domain.is_root()) {
        return "Memory cgroup out of memory";
    }
    return report.victim_asked ? "Out of memory (oom_kill_allocating_task)" : "Out of memory";
}

void report_oom(Engine::State& state, const OomReport& report, const std::vector<Task*>& tasks) {
    if (report.victim == nullptr || may_log(state, state.oom_report_limit, "oom_kill_process")) {
        report_caller(state, report);
        if (!report.domain.is_root()) {
            report_memory(state, report);
        }
        if (state.machine().vm_oom_dump_tasks) {
            report_tasks(state, tasks);
        }
        if (report.victim != nullptr && !state.profile().oom_report_old_form) {
            report_summary(state, report);
        }
    }
    if (report.victim != nullptr && state.profile().oom_report_old_form) {
        const auto total = static_cast<std::int64_t>(report.total.count());
        TextBuffer line;
        line.print("{}: Kill process {} ({}) score {} or sacrifice child", oom_message(report),
                   report.victim->info.pid, report.victim->info.comm,
                   total != 0 ? report.score * 1000 / total : 0);
        state.log(std::move(line).take(), LogLevel::kError);
    }
}

void log_killed(Engine::State& state, const Task& task, std::string_view message) {
    const TaskInfo& info = task.info;
    const Footprint pages = footprint(state, task);
    TextBuffer line;
    if (!state.profile().oom_report_old_form) {
        line.print("{}: ", message);
    }
    line.print("Killed process {} ({}) total-vm:{}kB, anon-rss:{}kB, file-rss:{}kB, shmem-rss:{}kB",
               info.pid, info.comm, kib(pages.virtual_size), kib(pages.anon), kib(pages.file),
               kib(pages.shmem));
    if (!state.profile().oom_report_old_form) {
        line.print(", UID:{} pgtables:{}kB oom_score_adj:{}", info.uid, kib(pages.page_tables),
                   info.oom_score_adj);
    }
    state.log(std::move(line).take(), LogLevel::kError);
}

void log_group_kill(Engine::State& state, const Memcg& memcg) {
    log_line(state, "Tasks in {} are going to be killed due to memory.oom.group set",
             path_of(state, memcg));
}

void log_reaped(Engine::State& state, const Task& task) {
    const Footprint pages = footprint(state, task);
    log_line(state,
             "oom_reaper: reaped process {} ({}), now anon-rss:{}kB, file-rss:{}kB, "
             "shmem-rss:{}kB",
             task.info.pid, task.info.comm, kib(pages.anon), kib(pages.file), kib(pages.shmem));
}

void log_hopeless_fault(Engine::State& state) {
    if (may_log(state, state.hopeless_fault_limit, "pagefault_out_of_memory")) {
        state.log("Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF",
                  LogLevel::kWarning);
    }
}

}  // namespace memcgfs::engine
