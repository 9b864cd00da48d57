// SPDX-License-Identifier: MIT
//
// The files of a process: which groups it is in (proc_cgroup_show, kernel/cgroup/cgroup.c, 6.1;
// spec files.md C1).
#include <algorithm>
#include <array>
#include <string>

#include "interface/proc_services.h"
#include "interface/proc_tables.h"
#include "memcgfs/interface/controllers.h"

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

/// The groups of a process, of which the engine may know nothing yet.
engine::Membership groups_of(ProcServices& services, const world::ProcessInfo& process)
    MEMCGFS_REQUIRES(services.engine_mutex) {
    const engine::Task* task = services.engine.find_task_by_pid(process.pid);
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
    const MutexLock lock(services.engine_mutex);
    const engine::Membership groups = groups_of(services, *process);
    const auto path = [&](const Hierarchy& hierarchy) {
        const Cgroup* group = services.engine.find(groups.in(hierarchy.id));
        return group == nullptr ? std::string("/") : services.engine.path(*group);
    };
    const auto hierarchies = services.engine.hierarchies();
    auto number = std::count_if(hierarchies.begin(), hierarchies.end(),
                                [](const Hierarchy& hierarchy) { return !hierarchy.is_v2(); });
    for (auto hierarchy = hierarchies.rbegin(); hierarchy != hierarchies.rend(); ++hierarchy) {
        if (!hierarchy->is_v2()) {
            out.print("{}:{}:{}\n", number--, v1_controllers(*hierarchy),
                      process->zombie ? "/" : path(*hierarchy));
        }
    }
    if (const Hierarchy* unified = services.engine.unified()) {
        out.print("0::{}\n", path(*unified));
    }
    return {};
}

constexpr auto kFiles = std::to_array<ProcFile>({
    {
        .path = "/proc/{pid}/cgroup",
        .show = show_cgroup,
        .doc = "The process's group in each hierarchy, the newest hierarchy first.",
    },
});

}  // namespace

std::span<const ProcFile> process_proc_files() { return kFiles; }

}  // namespace memcgfs::interface
