// SPDX-License-Identifier: MIT
//
// The files of a process: which groups it is in (proc_cgroup_show, kernel/cgroup/cgroup.c, 6.1;
// spec files.md C1).
#include <algorithm>
#include <array>
#include <string>

#include "interface/proc_services.h"
#include "interface/proc_tables.h"
#include "memcgfs/base/parse_number.h"
#include "memcgfs/interface/controllers.h"
#include "memcgfs/interface/namespace_path.h"

namespace memcgfs::interface {
namespace {

using engine::Cgroup;
using engine::Controller;
using engine::Hierarchy;

/// "memory", "cpu,cpuacct" or "name=systemd".
std::string v1_controllers(const Hierarchy& hierarchy) {
    std::string names;
    const auto add = [&names](std::string_view name) {
        names += names.empty() ? "" : ",";
        names += name;
    };
    for (const KernelController& controller : kKernelControllers) {
        if (hierarchy.has(controller.controller)) {
            add(controller.v1_name);
        }
    }
    if (!hierarchy.name.empty()) {
        add("name=" + hierarchy.name);
    }
    return names;
}

/// The groups of a process, of which the engine may know nothing yet, or of one of its threads.
engine::Membership groups_of(ProcServices& services, const world::ProcessInfo& process)
    MEMCGFS_REQUIRES(services.engine_mutex) {
    const engine::Task* thread = services.engine.find_thread(process.pid, process.tid);
    const engine::Task* task =
        thread != nullptr ? thread : services.engine.find_task_by_pid(process.pid);
    return task != nullptr ? task->groups : services.engine.css_set(process.css_set);
}

/// True if the engine's task is not the process: it has gone, and its pid has passed on; or a move
/// is not yet written on the process. Looking at all processes tells which.
bool is_doubtful(ProcServices& services, const world::ProcessInfo& process) {
    const MutexLock lock(services.engine_mutex);
    const engine::Task* task = services.engine.find_task_by_pid(process.pid);
    return task != nullptr && services.engine.css_set_of(task->groups) != process.css_set;
}

Result<void> show_cgroup(const ProcContext& context, TextBuffer& out) {
    ProcServices& services = context.services;
    const auto process = services.tasks.find(static_cast<std::int32_t>(context.number), 0);
    if (!process.ok()) {
        return Err(process.error());
    }
    if (is_doubtful(services, *process)) {
        services.cgroup_fs.refresh();
    }
    const std::uint32_t seen_from = services.tasks.namespace_root(context.caller.pid).value_or(0);
    const MutexLock lock(services.engine_mutex);
    const engine::Membership groups = groups_of(services, *process);
    const engine::Membership roots = services.engine.css_set(seen_from);
    const auto path_of = [&](engine::CgroupId id) {
        const Cgroup* group = services.engine.find(id);
        return group == nullptr ? std::string("/") : services.engine.path(*group);
    };
    const auto path = [&](const Hierarchy& hierarchy) {
        return path_from(path_of(roots.in(hierarchy.id)), path_of(groups.in(hierarchy.id)));
    };
    const auto hierarchies = services.engine.hierarchies();
    for (auto each = hierarchies.rbegin(); each != hierarchies.rend(); ++each) {
        const Hierarchy& hierarchy = **each;
        if (!hierarchy.is_v2()) {
            out.print("{}:{}:{}\n", hierarchy.number, v1_controllers(hierarchy),
                      process->zombie ? "/" : path(hierarchy));
        }
    }
    if (const Hierarchy* unified = services.engine.unified()) {
        out.print("0::{}\n", path(*unified));
    }
    return {};
}

std::int32_t pid_of(const ProcContext& context) {
    return static_cast<std::int32_t>(context.number);
}

Result<void> show_oom_score(const ProcContext& context, TextBuffer& out) {
    ProcServices& services = context.services;
    const world::ProcessInfo process = MEMCGFS_TRY(services.tasks.find(pid_of(context), 0));
    const MutexLock lock(services.engine_mutex);
    const bool spared = process.kernel_thread || process.pid == 1;
    out.print("{}\n", spared ? 0 : services.engine.oom_score(process.pid, process.oom_score_adj));
    return {};
}

constexpr std::int32_t kAdjMost = 1000;
/// The scale of oom_adj, in which all scores came until 2.6.36.
constexpr std::int32_t kOldMost = 15;
constexpr std::int32_t kOldLeast = -17;

Result<void> show_oom_score_adj(const ProcContext& context, TextBuffer& out) {
    const world::ProcessInfo process = MEMCGFS_TRY(context.services.tasks.find(pid_of(context), 0));
    out.print("{}\n", process.oom_score_adj);
    return {};
}

Result<void> show_oom_adj(const ProcContext& context, TextBuffer& out) {
    const world::ProcessInfo process = MEMCGFS_TRY(context.services.tasks.find(pid_of(context), 0));
    const std::int32_t score = process.oom_score_adj;
    out.print("{}\n", std::min(score * -kOldLeast / kAdjMost, kOldMost));
    return {};
}

struct OomAdjText {
    std::int32_t value = 0;
    std::size_t unread_bytes = 0;
};

/// Of a long text the beginning counts (oom_score_adj_write).
Result<OomAdjText> parse_oom_adj(std::string_view text) {
    constexpr std::size_t kTextMost = 12;
    const std::string_view head = text.substr(0, kTextMost);
    return OomAdjText{MEMCGFS_TRY(parse_i32(head)), text.size() - head.size()};
}

/// The process stands for one with this value from now on; its own is the host's and stays.
/// EACCES: less than before, by others than root (CAP_SYS_RESOURCE).
Result<void> set_oom_score_adj(const ProcContext& context, std::int32_t value) {
    ProcServices& services = context.services;
    const world::ProcessInfo process = MEMCGFS_TRY(services.tasks.find(pid_of(context), 0));
    // DEVIATION(oom-adj-floor): the kernel's bound is the least that root has ever set.
    if (value < process.oom_score_adj && context.caller.uid != 0) {
        return Err(Errno::kEACCES);
    }
    MEMCGFS_TRY(services.tasks.claim_oom_score_adj(process.pid, value));
    const MutexLock lock(services.engine_mutex);
    if (engine::Task* task = services.engine.find_task_by_pid(process.pid)) {
        task->info.oom_score_adj = value;
    }
    return {};
}

Result<vfs::StoreOutcome> store_oom_score_adj(const ProcContext& context, std::string_view text) {
    const OomAdjText parsed = MEMCGFS_TRY(parse_oom_adj(text));
    if (parsed.value < -kAdjMost || parsed.value > kAdjMost) {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(set_oom_score_adj(context, parsed.value));
    return vfs::StoreOutcome{.operation = nullptr, .unread_bytes = parsed.unread_bytes};
}

Result<vfs::StoreOutcome> store_oom_adj(const ProcContext& context, std::string_view text) {
    const OomAdjText parsed = MEMCGFS_TRY(parse_oom_adj(text));
    if (parsed.value < kOldLeast || parsed.value > kOldMost) {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(set_oom_score_adj(
        context, parsed.value == kOldMost ? kAdjMost : parsed.value * kAdjMost / -kOldLeast));
    return vfs::StoreOutcome{.operation = nullptr, .unread_bytes = parsed.unread_bytes};
}

constexpr auto kFiles = std::to_array<ProcFile>({
    {
        .path = "/proc/{pid}/cgroup",
        .show = show_cgroup,
        .doc = "The process's group in each hierarchy, the newest hierarchy first.",
    },
    {
        .path = "/proc/{pid}/oom_adj",
        .show = show_oom_adj,
        .store = store_oom_adj,
        .doc = "oom_score_adj on the scale from -17 to 15.",
    },
    {
        .path = "/proc/{pid}/oom_score",
        .show = show_oom_score,
        .doc = "How good a victim the process is, by the memory it has in this machine.",
    },
    {
        .path = "/proc/{pid}/oom_score_adj",
        .show = show_oom_score_adj,
        .store = store_oom_score_adj,
        .doc = "What is added to the process's score, in thousandths of the memory.",
    },
});

}  // namespace

std::span<const ProcFile> process_proc_files() { return kFiles; }

}  // namespace memcgfs::interface
