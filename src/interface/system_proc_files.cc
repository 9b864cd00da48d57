// SPDX-License-Identifier: MIT
//
// /proc/cgroups and /sys/kernel/cgroup (kernel/cgroup/cgroup.c, cgroup-v1.c; 6.1 and 6.12; spec
// files.md C2, C5), and the sets of nodes (drivers/base/node.c).
#include <array>

#include "interface/cgroup_features.h"
#include "interface/proc_services.h"
#include "interface/proc_tables.h"
#include "memcgfs/engine/id_set.h"
#include "memcgfs/interface/controllers.h"

namespace memcgfs::interface {
namespace {

using engine::Cgroup;
using engine::Hierarchy;

/// The group, those below, and removed ones that still hold something.
std::uint64_t count_groups(const Cgroup& group) {
    std::uint64_t count = 1;
    for (const Cgroup* child : group.children) {
        count += count_groups(*child);
    }
    return count;
}

Result<void> show_cgroups(const ProcContext& context, TextBuffer& out) {
    const engine::Engine& engine = context.services.engine;
    const MutexLock lock(context.services.engine_mutex);
    out.append("#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
    const engine::ControllerMask all = kernel_controllers(engine.profile());
    for (const KernelController& controller : kKernelControllers) {
        if ((all & mask_of(controller.controller)) == 0) {
            continue;
        }
        // One that is nowhere mounted belongs to v2, of which there may be the root alone.
        const Hierarchy* home = &engine.default_hierarchy();
        for (const Hierarchy* hierarchy : engine.hierarchies()) {
            if (!hierarchy->is_v2() && hierarchy->has(controller.controller)) {
                home = hierarchy;
            }
        }
        const std::uint64_t groups =
            count_groups(*home->root) + static_cast<std::uint64_t>(home->root->dying_descendants);
        out.print("{}\t{}\t{}\t1\n", controller.v1_name, home->number, groups);
    }
    return {};
}

/// What a cgroup namespace may hand on: the rows say so.
Result<void> show_delegate(const ProcContext& context, TextBuffer& out) {
    for (const Cftype* row : all_files()) {
        if (row->delegatable && exists_in(*row, context.services.engine.profile())) {
            out.print("{}\n", row->name);
        }
    }
    return {};
}

Result<void> show_features(const ProcContext& context, TextBuffer& out) {
    for (const CgroupFeature& feature : kCgroupFeatures) {
        if (feature.since <= context.services.engine.profile().version) {
            out.print("{}\n", feature.name);
        }
    }
    return {};
}

Result<void> show_all_nodes(const ProcContext& context, TextBuffer& out) {
    out.print("{}\n", context.services.engine.all_mems().text());
    return {};
}

/// Nodes with any memory; of this machine all of it is normal memory.
Result<void> show_memory_nodes(const ProcContext& context, TextBuffer& out) {
    engine::MachineStat stat;
    {
        const MutexLock lock(context.services.engine_mutex);
        stat = context.services.engine.machine_stat();
    }
    std::string nodes;
    for (std::size_t node = 0; node < stat.nodes.size(); node++) {
        for (const engine::ZoneStat& zone : stat.nodes[node].zones) {
            if (zone.managed > Pages{0}) {
                nodes += (nodes.empty() ? "" : ",") + std::to_string(node);
                break;
            }
        }
    }
    const auto set = engine::IdSet::parse(nodes, static_cast<std::uint32_t>(stat.nodes.size()));
    out.print("{}\n", set.ok() ? set->text() : "");
    return {};
}

constexpr auto kFiles = std::to_array<ProcFile>({
    {
        .path = "/proc/cgroups",
        .show = show_cgroups,
        .doc = "The controllers, their hierarchies and how many groups those have.",
    },
    {
        .path = "/sys/devices/system/node/has_memory",
        .show = show_memory_nodes,
        .doc = "The nodes that have memory.",
    },
    {
        .path = "/sys/devices/system/node/has_normal_memory",
        .show = show_memory_nodes,
        .doc = "The nodes that have memory.",
    },
    {
        .path = "/sys/devices/system/node/online",
        .show = show_all_nodes,
        .doc = "The machine's nodes.",
    },
    {
        .path = "/sys/devices/system/node/possible",
        .show = show_all_nodes,
        .doc = "The machine's nodes.",
    },
    {
        .path = "/sys/kernel/cgroup/delegate",
        .show = show_delegate,
        .doc = "The v2 files that belong to whom a group is given to.",
    },
    {
        .path = "/sys/kernel/cgroup/features",
        .show = show_features,
        .doc = "The mount options of v2.",
    },
});

}  // namespace

std::span<const ProcFile> system_proc_files() { return kFiles; }

}  // namespace memcgfs::interface
