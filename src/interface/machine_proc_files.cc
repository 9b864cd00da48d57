// SPDX-License-Identifier: MIT
//
// The rows of the files whose text is made from the machine alone (machine_files.h).
#include <array>

#include "interface/proc_tables.h"
#include "memcgfs/interface/machine_files.h"

namespace memcgfs::interface {
namespace {

using engine::NodeId;

/// The text of a file that is no node's.
template <void (*kShow)(const MachineView&, TextBuffer&)>
constexpr MachineTextFunction whole() {
    return [](const MachineView& view, NodeId, TextBuffer& out) { kShow(view, out); };
}

constexpr auto kFiles = std::to_array<ProcFile>({
    {
        .path = "/proc/meminfo",
        .machine = whole<show_meminfo>(),
        .doc = "The machine's memory by use, in kB; what nothing models is 0.",
    },
    {
        .path = "/proc/swaps",
        .machine = whole<show_swaps>(),
        .doc = "The swap of the machine, as one partition.",
    },
    {
        .path = "/proc/vmstat",
        .machine = whole<show_vmstat>(),
        .doc = "Counts of the whole machine; events that nothing models are 0.",
    },
    {
        .path = "/proc/zoneinfo",
        .machine = whole<show_zoneinfo>(),
        .doc = "The zones with their marks, reserves and lists.",
    },
    {
        .path = "/sys/devices/system/node/node{node}/meminfo",
        .machine = show_node_meminfo,
        .doc = "The node's memory by use, in kB.",
    },
    {
        .path = "/sys/devices/system/node/node{node}/numastat",
        .machine = show_numastat,
        .doc = "Where the node's pages were asked for.",
    },
    {
        .path = "/sys/devices/system/node/node{node}/vmstat",
        .machine = show_node_vmstat,
        .doc = "The counts of zones and nodes, of this one.",
    },
});

}  // namespace

std::span<const ProcFile> machine_proc_files() { return kFiles; }

bool show_machine_file(const MachineView& view, std::string_view path, TextBuffer& out) {
    for (const ProcFile& row : kFiles) {
        const auto number = match_path(row.path, path);
        if (number && *number < view.stat.nodes.size() && exists_in(row, view.profile)) {
            row.machine(view, static_cast<NodeId>(*number), out);
            return true;
        }
    }
    return false;
}

}  // namespace memcgfs::interface
