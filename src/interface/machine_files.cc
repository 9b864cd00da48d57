// SPDX-License-Identifier: MIT
#include "memcgfs/interface/machine_files.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "interface/machine_values.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::KernelVersion;
using engine::NodeId;
using engine::NodeStat;
using engine::StatItem;
using engine::ZoneStat;

constexpr KernelVersion k5_18{5, 18};
constexpr KernelVersion k5_19{5, 19};
constexpr KernelVersion k6_0{6, 0};
constexpr KernelVersion k6_7{6, 7};
constexpr KernelVersion k6_12{6, 12};

/// One line of meminfo, of the machine or of a node.
struct MemLine {
    std::string_view name;
    std::uint64_t (*pages)(const MemValues&);
    KernelVersion since = kSinceEver;
    KernelVersion until = kForEver;
    bool kilobytes = true;
    int width = 8;  ///< of the number
};

bool exists(const MemLine& line, const engine::Profile& profile) {
    return line.since <= profile.version && profile.version < line.until;
}

constexpr MemLine zero(std::string_view name, KernelVersion since = kSinceEver) {
    return {name, [](const MemValues&) { return std::uint64_t{0}; }, since};
}
constexpr MemLine plain(std::string_view name) {
    MemLine line = zero(name);
    line.kilobytes = false;
    return line;
}

constexpr MemLine narrow(int width, MemLine line) {
    line.width = width;
    return line;
}
constexpr MemLine until(KernelVersion version, MemLine line) {
    line.until = version;
    return line;
}
constexpr MemLine since(KernelVersion version, MemLine line) {
    line.since = version;
    return line;
}

template <StatItem... kItems>
constexpr std::uint64_t sum(const MemValues& values) {
    return (values.item(kItems) + ...);
}

constexpr std::array kMeminfo = {
    MemLine{"MemTotal", [](const MemValues& v) { return v.managed; }},
    MemLine{"MemFree", [](const MemValues& v) { return v.free; }},
    MemLine{"MemAvailable", [](const MemValues& v) { return v.available; }},
    zero("Buffers"),
    MemLine{"Cached", sum<StatItem::kFile>},
    MemLine{"SwapCached", sum<StatItem::kSwapCached>},
    MemLine{"Active", sum<StatItem::kActiveAnon, StatItem::kActiveFile>},
    MemLine{"Inactive", sum<StatItem::kInactiveAnon, StatItem::kInactiveFile>},
    MemLine{"Active(anon)", sum<StatItem::kActiveAnon>},
    MemLine{"Inactive(anon)", sum<StatItem::kInactiveAnon>},
    MemLine{"Active(file)", sum<StatItem::kActiveFile>},
    MemLine{"Inactive(file)", sum<StatItem::kInactiveFile>},
    MemLine{"Unevictable", sum<StatItem::kUnevictable>},
    MemLine{"Mlocked", sum<StatItem::kUnevictable>},
    MemLine{"SwapTotal", [](const MemValues& v) { return v.swap; }},
    MemLine{"SwapFree", [](const MemValues& v) { return v.swap_free; }},
    MemLine{"Zswap", [](const MemValues& v) { return v.zswap_pool; }, k5_19},
    MemLine{"Zswapped", [](const MemValues& v) { return v.zswapped; }, k5_19},
    MemLine{"Dirty", sum<StatItem::kFileDirty>},
    MemLine{"Writeback", sum<StatItem::kFileWriteback>},
    MemLine{"AnonPages", sum<StatItem::kAnon>},
    MemLine{"Mapped", sum<StatItem::kFileMapped>},
    MemLine{"Shmem", sum<StatItem::kShmem>},
    MemLine{"KReclaimable", sum<StatItem::kSlabReclaimable>, {4, 20}},
    MemLine{"Slab", sum<StatItem::kSlabReclaimable, StatItem::kSlabUnreclaimable>},
    MemLine{"SReclaimable", sum<StatItem::kSlabReclaimable>},
    MemLine{"SUnreclaim", sum<StatItem::kSlabUnreclaimable>},
    MemLine{"KernelStack", sum<StatItem::kKernelStack>},
    MemLine{"PageTables", sum<StatItem::kPagetables>},
    zero("SecPageTables", k6_0),
    zero("NFS_Unstable"),
    zero("Bounce"),
    zero("WritebackTmp"),
    MemLine{"CommitLimit", [](const MemValues& v) { return v.managed / 2 + v.swap; }},
    MemLine{"Committed_AS", sum<StatItem::kAnon, StatItem::kShmem, StatItem::kSwap>},
};

/// Those of the second part, which are as good as constant.
constexpr std::array kMeminfoTail = {
    zero("VmallocUsed"),
    zero("VmallocChunk"),
    MemLine{"Percpu", sum<StatItem::kPercpu>, {4, 20}},
    narrow(6, zero("HardwareCorrupted")),
    MemLine{"AnonHugePages", sum<StatItem::kAnonThp>},
    MemLine{"ShmemHugePages", sum<StatItem::kShmemThp>},
    zero("ShmemPmdMapped"),
    MemLine{"FileHugePages", sum<StatItem::kFileThp>, {5, 4}},
    zero("FilePmdMapped", {5, 4}),
    zero("Unaccepted", k6_7),
    plain("HugePages_Total"),
    plain("HugePages_Free"),
    plain("HugePages_Rsvd"),
    plain("HugePages_Surp"),
};

constexpr std::array kNodeMeminfo = {
    MemLine{"MemTotal", [](const MemValues& v) { return v.managed; }},
    MemLine{"MemFree", [](const MemValues& v) { return v.free; }},
    MemLine{"MemUsed", [](const MemValues& v) { return v.managed - v.free; }},
    MemLine{"SwapCached", sum<StatItem::kSwapCached>, {5, 13}},
    MemLine{"Active", sum<StatItem::kActiveAnon, StatItem::kActiveFile>},
    MemLine{"Inactive", sum<StatItem::kInactiveAnon, StatItem::kInactiveFile>},
    MemLine{"Active(anon)", sum<StatItem::kActiveAnon>},
    MemLine{"Inactive(anon)", sum<StatItem::kInactiveAnon>},
    MemLine{"Active(file)", sum<StatItem::kActiveFile>},
    MemLine{"Inactive(file)", sum<StatItem::kInactiveFile>},
    MemLine{"Unevictable", sum<StatItem::kUnevictable>},
    MemLine{"Mlocked", sum<StatItem::kUnevictable>},
    MemLine{"Dirty", sum<StatItem::kFileDirty>},
    MemLine{"Writeback", sum<StatItem::kFileWriteback>},
    MemLine{"FilePages", sum<StatItem::kFile, StatItem::kSwapCached>},
    MemLine{"Mapped", sum<StatItem::kFileMapped>},
    MemLine{"AnonPages", sum<StatItem::kAnon>},
    MemLine{"Shmem", sum<StatItem::kShmem>},
    MemLine{"KernelStack", sum<StatItem::kKernelStack>},
    MemLine{"PageTables", sum<StatItem::kPagetables>},
    zero("SecPageTables", k6_0),
    zero("NFS_Unstable"),
    zero("Bounce"),
    zero("WritebackTmp"),
    MemLine{"KReclaimable", sum<StatItem::kSlabReclaimable>, {4, 20}},
    MemLine{"Slab", sum<StatItem::kSlabReclaimable, StatItem::kSlabUnreclaimable>},
    MemLine{"SReclaimable", sum<StatItem::kSlabReclaimable>},
    MemLine{"SUnreclaim", sum<StatItem::kSlabUnreclaimable>},
    MemLine{"AnonHugePages", sum<StatItem::kAnonThp>},
    MemLine{"ShmemHugePages", sum<StatItem::kShmemThp>},
    zero("ShmemPmdMapped"),
    until(k6_12, narrow(7, {"FileHugePages", sum<StatItem::kFileThp>, {5, 4}})),
    until(k6_12, narrow(7, zero("FilePmdMapped", {5, 4}))),
    since(k6_12, {"FileHugePages", sum<StatItem::kFileThp>}),
    since(k6_12, zero("FilePmdMapped")),
    zero("Unaccepted", k6_7),
};

constexpr std::uint64_t kilobytes(std::uint64_t pages) { return pages * 4; }

void print_line(const MemLine& line, const MemValues& values, TextBuffer& out) {
    const std::string name = std::string(line.name) + ":";
    if (line.kilobytes) {
        out.print("{:<16}{:>{}} kB\n", name, kilobytes(line.pages(values)), line.width);
    } else {
        out.print("{:<16}{:>8}\n", name, line.pages(values));
    }
}

/// calculate_normal_threshold: how far a CPU's numbers may be off.
std::uint64_t stat_threshold(std::uint32_t cpus, Pages managed) {
    constexpr unsigned kUnitShift = 27 - 12;  // 128 MiB
    constexpr std::uint64_t kMost = 125;
    const auto sizes = static_cast<std::uint64_t>(std::bit_width(managed.count() >> kUnitShift));
    return std::min(2 * static_cast<std::uint64_t>(std::bit_width(cpus)) * (1 + sizes), kMost);
}

constexpr std::array kZoneNames{"DMA", "DMA32", "Normal", "Movable"};

struct ZoneOfNode {
    NodeId node;
    std::string_view name;
    bool first_populated;
};

void show_zone(const MachineView& view, ZoneOfNode where, const ZoneStat& zone, TextBuffer& out) {
    out.print("Node {}, zone {:>8}\n", where.node, where.name);
    if (where.first_populated) {
        out.print("  per-node stats");
        for (const NumberLine& line : node_lines(view.profile)) {
            out.print("\n      {:<12} {}", line.name, value_of(line, view.stat.nodes[where.node]));
        }
        out.print("\n");
    }
    out.print("  pages free     {}\n", zone.free.count());
    if (view.profile.version >= k5_18) {
        out.print("        boost    0\n");
    }
    out.print("        min      {}\n        low      {}\n        high     {}\n", zone.min.count(),
              zone.low.count(), zone.high.count());
    if (view.profile.zoneinfo_shows_promo) {
        out.print("        promo    {}\n", zone.promo.count());
    }
    out.print("        spanned  {0}\n        present  {0}\n        managed  {0}\n",
              zone.managed.count());
    if (view.profile.version >= KernelVersion{5, 7}) {
        out.print("        cma      0\n");
    }
    out.print("        protection: (");
    for (std::size_t highest = 0; highest < engine::kZoneTypeCount; highest++) {
        out.print("{}, ", zone.protection[highest].count());
    }
    out.print("{})\n", zone.protection.back().count());  // ZONE_DEVICE, above all the others
    if (zone.managed == Pages{0}) {
        return;
    }
    for (const NumberLine& line : zone_lines(view.profile)) {
        out.print("      {:<12} {}\n", line.name, value_of(line, zone));
    }
    out.print("  pagesets\n");
    for (std::uint32_t cpu = 0; cpu < view.stat.cpus; cpu++) {
        out.print(
            "    cpu: {}\n              count: 0\n              high:  0\n"
            "              batch: 1\n  vm stats threshold: {}\n",
            cpu, stat_threshold(view.stat.cpus, zone.managed));
    }
    out.print("  node_unreclaimable:  0\n  start_pfn:           0\n");
}

}  // namespace

void show_meminfo(const MachineView& view, TextBuffer& out) {
    const MemValues values = values_of(view.stat);
    const auto print = [&](const MemLine& line) {
        if (exists(line, view.profile)) {
            print_line(line, values, out);
        }
    };
    std::for_each(kMeminfo.begin(), kMeminfo.end(), print);
    out.print("VmallocTotal:   34359738367 kB\n");
    std::for_each(kMeminfoTail.begin(), kMeminfoTail.end(), print);
    out.print("Hugepagesize:       2048 kB\nHugetlb:               0 kB\n");
    out.print(
        "DirectMap4k:    {:>8} kB\nDirectMap2M:           0 kB\nDirectMap1G:           0 kB\n",
        kilobytes(values.managed));
}

void show_node_meminfo(const MachineView& view, NodeId node, TextBuffer& out) {
    const MemValues values = values_of(view.stat.nodes[node]);
    for (const MemLine& line : kNodeMeminfo) {
        if (exists(line, view.profile)) {
            out.print("Node {} {:<16}{:>{}} kB\n", node, std::string(line.name) + ":",
                      kilobytes(line.pages(values)), line.width);
        }
    }
    for (const std::string_view name : {"HugePages_Total", "HugePages_Free", "HugePages_Surp"}) {
        out.print("Node {} {:<16} {:>5}\n", node, std::string(name) + ":", 0);
    }
}

void show_zoneinfo(const MachineView& view, TextBuffer& out) {
    for (std::size_t node = 0; node < view.stat.nodes.size(); node++) {
        bool first = true;
        for (const ZoneStat& zone : view.stat.nodes[node].zones) {
            const ZoneOfNode where{static_cast<NodeId>(node),
                                   kZoneNames[static_cast<std::size_t>(zone.type)],
                                   first && zone.managed > Pages{0}};
            first = first && !where.first_populated;
            show_zone(view, where, zone, out);
        }
        show_zone(view, {static_cast<NodeId>(node), "Device", false}, {}, out);
    }
}

void show_vmstat(const MachineView& view, TextBuffer& out) {
    for (const NumberLine& line : zone_lines(view.profile)) {
        std::uint64_t sum = value_of(line, view.stat);
        for (const NodeStat& node : view.stat.nodes) {
            for (const ZoneStat& zone : node.zones) {
                sum += value_of(line, zone);
            }
        }
        out.print("{} {}\n", line.name, sum);
    }
    for (const NumberLine& line : node_lines(view.profile)) {
        std::uint64_t sum = 0;
        for (const NodeStat& node : view.stat.nodes) {
            sum += value_of(line, node);
        }
        out.print("{} {}\n", line.name, sum);
    }
    for (const NumberLine& line : event_lines(view.profile)) {
        out.print("{} {}\n", line.name, value_of(line, view.stat));
    }
}

void show_node_vmstat(const MachineView& view, NodeId node, TextBuffer& out) {
    const NodeStat& stat = view.stat.nodes[node];
    constexpr auto kFirst = static_cast<std::size_t>(engine::VmEvent::kNumaHit);
    for (const NumberLine& line : zone_lines(view.profile)) {
        std::uint64_t sum =
            line.source == NumberLine::Source::kEvent ? stat.numa[line.number - kFirst] : 0;
        for (const ZoneStat& zone : stat.zones) {
            sum += value_of(line, zone);
        }
        out.print("{} {}\n", line.name, sum);
    }
    for (const NumberLine& line : node_lines(view.profile)) {
        out.print("{} {}\n", line.name, value_of(line, stat));
    }
}

void show_numastat(const MachineView& view, NodeId node, TextBuffer& out) {
    constexpr std::array<std::string_view, engine::kNumaEventCount> kNames{
        "numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node"};
    for (std::size_t i = 0; i < kNames.size(); i++) {
        out.print("{} {}\n", kNames[i], view.stat.nodes[node].numa[i]);
    }
}

void show_swaps(const MachineView& view, TextBuffer& out) {
    out.print("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    const auto column = [](Pages pages) {
        constexpr std::uint64_t kLong = 10'000'000;  // as wide as the column
        const std::uint64_t size = kilobytes(pages.count());
        return std::to_string(size) + (size < kLong ? "\t\t" : "\t");
    };
    for (const engine::SwapStat& swap : view.stat.swaps) {
        out.print("{:<39} {}\t{}{}{}\n", swap.device.path,
                  swap.device.file ? "file\t" : "partition", column(swap.device.pages),
                  column(swap.used), swap.device.priority);
    }
}

}  // namespace memcgfs::interface
