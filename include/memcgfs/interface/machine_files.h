// SPDX-License-Identifier: MIT
//
// The texts of the files in /proc and /sys that show the machine: /proc/meminfo, /proc/zoneinfo,
// /proc/vmstat, /proc/swaps, and a node's
// meminfo, vmstat and numastat. Line order and layout as recorded on Debian's
// 6.1 and 6.12 kernels; what the engine does not model is 0.
#pragma once

#include <string_view>

#include "memcgfs/base/text_buffer.h"
#include "memcgfs/engine/machine_stat.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::interface {

/// What they are made from.
struct MachineView {
    const engine::Profile& profile;
    const engine::MachineStat& stat;
};

/// A file by its path, such as "/proc/meminfo" or "/sys/devices/system/node/node0/meminfo".
/// False: there is none of that path.
bool show_machine_file(const MachineView& view, std::string_view path, TextBuffer& out);

void show_meminfo(const MachineView& view, TextBuffer& out);
void show_zoneinfo(const MachineView& view, TextBuffer& out);
void show_vmstat(const MachineView& view, TextBuffer& out);
void show_swaps(const MachineView& view, TextBuffer& out);
/// `node` is one of the machine's.
void show_node_meminfo(const MachineView& view, engine::NodeId node, TextBuffer& out);

/// The numbers of /proc/vmstat that belong to nodes and zones, of one node.
void show_node_vmstat(const MachineView& view, engine::NodeId node, TextBuffer& out);
/// Where the node's pages were asked for and given (zone_statistics, mm/page_alloc.c, 6.1).
void show_numastat(const MachineView& view, engine::NodeId node, TextBuffer& out);

}  // namespace memcgfs::interface
