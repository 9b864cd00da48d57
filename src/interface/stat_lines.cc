// SPDX-License-Identifier: MIT
#include "interface/stat_lines.h"

#include <array>

#include "interface/limit_files.h"
#include "memcgfs/engine/stat_items.h"
#include "memcgfs/interface/oom_stat.h"

namespace memcgfs::interface {
namespace {

using engine::KernelVersion;
using engine::Memcg;
using engine::StatItem;

enum class Unit : std::uint8_t { kBytes, kCount };

/// One line. Its value is the sum of the items; none of them is a line the engine does not model,
/// which is always 0.
struct StatLine {
    std::string_view name;
    StatItem item = StatItem::kCount;
    StatItem other = StatItem::kCount;
    StatItem third = StatItem::kCount;
    Unit unit = Unit::kBytes;
    bool per_node = true;  ///< also in v2 memory.numa_stat
    KernelVersion since = kSinceEver;
    KernelVersion until = kForEver;
    bool swap_accounting = false;  ///< v1: only with memory+swap accounting
};

constexpr bool exists(const StatLine& line, const engine::Profile& profile) {
    return line.since <= profile.version && profile.version < line.until &&
           (!line.swap_accounting || profile.memsw_always);
}

constexpr StatLine count_line(std::string_view name, StatItem item = StatItem::kCount,
                              StatItem other = StatItem::kCount,
                              StatItem third = StatItem::kCount) {
    return {.name = name,
            .item = item,
            .other = other,
            .third = third,
            .unit = Unit::kCount,
            .per_node = false};
}

constexpr StatLine node_count_line(std::string_view name, StatItem item = StatItem::kCount) {
    return {.name = name, .item = item, .unit = Unit::kCount};
}

constexpr StatLine since(KernelVersion version, StatLine line) {
    line.since = version;
    return line;
}

constexpr StatLine until(KernelVersion version, StatLine line) {
    line.until = version;
    return line;
}

constexpr StatLine machine_wide(StatLine line) {
    line.per_node = false;
    return line;
}

constexpr KernelVersion k3_0{3, 0};
constexpr KernelVersion k3_3{3, 3};
constexpr KernelVersion k3_10{3, 10};
constexpr KernelVersion k3_11{3, 11};
constexpr KernelVersion k3_17{3, 17};
constexpr KernelVersion k4_2{4, 2};
constexpr KernelVersion k4_12{4, 12};
constexpr KernelVersion k5_0{5, 0};
constexpr KernelVersion k5_9{5, 9};
constexpr KernelVersion k5_11{5, 11};
constexpr KernelVersion k5_19{5, 19};
constexpr KernelVersion k6_0{6, 0};
constexpr KernelVersion k6_7{6, 7};
constexpr KernelVersion k6_12{6, 12};

constexpr std::array kV1Lines = {
    StatLine{.name = "cache", .item = StatItem::kFile},
    StatLine{.name = "rss", .item = StatItem::kAnon},
    since(k3_10, {.name = "rss_huge", .item = StatItem::kAnonThp}),
    since(k4_12, {.name = "shmem", .item = StatItem::kShmem}),
    StatLine{.name = "mapped_file", .item = StatItem::kFileMapped},
    since(k4_2, {.name = "dirty", .item = StatItem::kFileDirty}),
    since(k3_11, {.name = "writeback", .item = StatItem::kFileWriteback}),
    since(k6_0, count_line("workingset_refault_anon", StatItem::kWorkingsetRefaultAnon)),
    since(k6_0, count_line("workingset_refault_file", StatItem::kWorkingsetRefaultFile)),
    since(k3_3, {.name = "swap", .item = StatItem::kSwap, .swap_accounting = true}),
    since(k6_7, {.name = "swapcached", .item = StatItem::kSwapCached, .swap_accounting = true}),
    count_line("pgpgin", StatItem::kPgpgin),
    count_line("pgpgout", StatItem::kPgpgout),
    until(k3_3, {.name = "swap", .item = StatItem::kSwap, .swap_accounting = true}),
    since(k3_0, count_line("pgfault", StatItem::kPgfault)),
    since(k3_0, count_line("pgmajfault", StatItem::kPgmajfault)),
    StatLine{.name = "inactive_anon", .item = StatItem::kInactiveAnon},
    StatLine{.name = "active_anon", .item = StatItem::kActiveAnon},
    StatLine{.name = "inactive_file", .item = StatItem::kInactiveFile},
    StatLine{.name = "active_file", .item = StatItem::kActiveFile},
    StatLine{.name = "unevictable", .item = StatItem::kUnevictable},
};

constexpr std::array kV2Lines = {
    StatLine{.name = "anon", .item = StatItem::kAnon},
    StatLine{.name = "file", .item = StatItem::kFile},
    since(k5_19, machine_wide({.name = "kernel", .item = StatItem::kKernel})),
    StatLine{.name = "kernel_stack", .item = StatItem::kKernelStack},
    until(k5_0, count_line("slab", StatItem::kSlabReclaimable, StatItem::kSlabUnreclaimable)),
    since(k5_11, {.name = "pagetables", .item = StatItem::kPagetables}),
    since(k6_0, {.name = "sec_pagetables"}),
    since(k5_9, machine_wide({.name = "percpu", .item = StatItem::kPercpu})),
    machine_wide({.name = "sock", .item = StatItem::kSock}),
    since(k5_19, machine_wide({.name = "vmalloc", .item = StatItem::kVmalloc})),
    StatLine{.name = "shmem", .item = StatItem::kShmem},
    since(k5_19, count_line("zswap", StatItem::kZswap)),  // bytes already
    since(k5_19, machine_wide({.name = "zswapped", .item = StatItem::kZswapped})),
    StatLine{.name = "file_mapped", .item = StatItem::kFileMapped},
    StatLine{.name = "file_dirty", .item = StatItem::kFileDirty},
    StatLine{.name = "file_writeback", .item = StatItem::kFileWriteback},
    since(k5_11, {.name = "swapcached", .item = StatItem::kSwapCached}),
    since(k5_0, {.name = "anon_thp", .item = StatItem::kAnonThp}),
    since(k5_11, {.name = "file_thp", .item = StatItem::kFileThp}),
    since(k5_11, {.name = "shmem_thp", .item = StatItem::kShmemThp}),
    StatLine{.name = "inactive_anon", .item = StatItem::kInactiveAnon},
    StatLine{.name = "active_anon", .item = StatItem::kActiveAnon},
    StatLine{.name = "inactive_file", .item = StatItem::kInactiveFile},
    StatLine{.name = "active_file", .item = StatItem::kActiveFile},
    StatLine{.name = "unevictable", .item = StatItem::kUnevictable},
    node_count_line("slab_reclaimable", StatItem::kSlabReclaimable),  // bytes already
    node_count_line("slab_unreclaimable", StatItem::kSlabUnreclaimable),
    since(k5_0, count_line("slab", StatItem::kSlabReclaimable, StatItem::kSlabUnreclaimable)),
    since(k5_9, node_count_line("workingset_refault_anon", StatItem::kWorkingsetRefaultAnon)),
    since(k5_9, node_count_line("workingset_refault_file", StatItem::kWorkingsetRefaultFile)),
    since(k5_9, node_count_line("workingset_activate_anon", StatItem::kWorkingsetActivateAnon)),
    since(k5_9, node_count_line("workingset_activate_file", StatItem::kWorkingsetActivateFile)),
    since(k5_9, node_count_line("workingset_restore_anon", StatItem::kWorkingsetRestoreAnon)),
    since(k5_9, node_count_line("workingset_restore_file", StatItem::kWorkingsetRestoreFile)),
    since(k5_0, node_count_line("workingset_nodereclaim", StatItem::kWorkingsetNodereclaim)),
    since(k6_12, node_count_line("pgdemote_kswapd")),
    since(k6_12, node_count_line("pgdemote_direct")),
    since(k6_12, node_count_line("pgdemote_khugepaged")),
    since(k6_12, node_count_line("pgpromote_success")),
    // Up to 5.18 the faults come before the sums of scanning, from 5.19 on behind.
    until(k5_19, count_line("pgfault", StatItem::kPgfault)),
    until(k5_19, count_line("pgmajfault", StatItem::kPgmajfault)),
    until(k5_19, count_line("pgrefill", StatItem::kPgrefill)),
    count_line("pgscan", StatItem::kPgscanKswapd, StatItem::kPgscanDirect,
               StatItem::kPgscanKhugepaged),
    count_line("pgsteal", StatItem::kPgstealKswapd, StatItem::kPgstealDirect,
               StatItem::kPgstealKhugepaged),
    since(k5_19, count_line("pgscan_kswapd", StatItem::kPgscanKswapd)),
    since(k5_19, count_line("pgscan_direct", StatItem::kPgscanDirect)),
    since(k6_12, count_line("pgscan_khugepaged", StatItem::kPgscanKhugepaged)),
    since(k5_19, count_line("pgsteal_kswapd", StatItem::kPgstealKswapd)),
    since(k5_19, count_line("pgsteal_direct", StatItem::kPgstealDirect)),
    since(k6_12, count_line("pgsteal_khugepaged", StatItem::kPgstealKhugepaged)),
    since(k5_19, count_line("pgfault", StatItem::kPgfault)),
    since(k5_19, count_line("pgmajfault", StatItem::kPgmajfault)),
    since(k5_19, count_line("pgrefill", StatItem::kPgrefill)),
    count_line("pgactivate", StatItem::kPgactivate),
    count_line("pgdeactivate", StatItem::kPgdeactivate),
    count_line("pglazyfree", StatItem::kPglazyfree),
    count_line("pglazyfreed", StatItem::kPglazyfreed),
    until(k5_0, count_line("workingset_refault", StatItem::kWorkingsetRefaultAnon,
                           StatItem::kWorkingsetRefaultFile)),
    until(k5_0, count_line("workingset_activate", StatItem::kWorkingsetActivateAnon,
                           StatItem::kWorkingsetActivateFile)),
    until(k5_0, count_line("workingset_nodereclaim", StatItem::kWorkingsetNodereclaim)),
    since(k6_12, count_line("swpin_zero", StatItem::kSwpinZero)),
    since(k6_12, count_line("swpout_zero", StatItem::kSwpoutZero)),
    since(k5_19, count_line("zswpin", StatItem::kZswpin)),
    since(k5_19, count_line("zswpout", StatItem::kZswpout)),
    since(k6_12, count_line("zswpwb", StatItem::kZswpwb)),
    since(k5_0, count_line("thp_fault_alloc", StatItem::kThpFaultAlloc)),
    since(k5_0, count_line("thp_collapse_alloc", StatItem::kThpCollapseAlloc)),
    since(k6_12, count_line("thp_swpout", StatItem::kThpSwpout)),
    since(k6_12, count_line("thp_swpout_fallback", StatItem::kThpSwpoutFallback)),
    since(k6_12, count_line("numa_pages_migrated")),
    since(k6_12, count_line("numa_pte_updates")),
    since(k6_12, count_line("numa_hint_faults")),
};

enum class Scope : std::uint8_t { kOwn, kSubtree };

std::uint64_t stat_of(const Memcg& memcg, StatItem item, Scope scope) {
    if (item == StatItem::kCount) {
        return 0;
    }
    const std::int64_t value = scope == Scope::kOwn ? memcg.stat(item) : memcg.stat_total(item);
    return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

std::uint64_t value_of(const Memcg& memcg, const StatLine& line, Scope scope) {
    const std::uint64_t sum = stat_of(memcg, line.item, scope) + stat_of(memcg, line.other, scope) +
                              stat_of(memcg, line.third, scope);
    return line.unit == Unit::kBytes ? to_bytes(Pages{sum}).count() : sum;
}

std::uint64_t pages_on(const Memcg& memcg, std::initializer_list<StatItem> lists, Scope scope) {
    std::uint64_t pages = 0;
    for (const StatItem list : lists) {
        pages += stat_of(memcg, list, scope);
    }
    return pages;
}

std::uint64_t pages_on_node(const Memcg& memcg, engine::NodeId node,
                            std::initializer_list<StatItem> lists, Scope scope) {
    std::uint64_t pages = 0;
    for (const StatItem list : lists) {
        pages += scope == Scope::kSubtree
                     ? static_cast<std::uint64_t>(memcg.node_stat_total(node, list))
                     : memcg.lruvec(node).size(engine::list_of_stat(list)).count();
    }
    return pages;
}

std::uint64_t node_value_of(const Memcg& memcg, engine::NodeId node, const StatLine& line) {
    if (line.item == StatItem::kCount) {
        return 0;
    }
    const auto value = static_cast<std::uint64_t>(memcg.node_stat_total(node, line.item));
    return line.unit == Unit::kBytes ? to_bytes(Pages{value}).count() : value;
}

}  // namespace

Result<void> show_v1_stat(const ShowContext& context, TextBuffer& out) {
    const auto show_block = [&](std::string_view prefix, Scope scope) {
        for (const StatLine& line : kV1Lines) {
            if (exists(line, context.profile())) {
                out.print("{}{} {}\n", prefix, line.name, value_of(context.memcg(), line, scope));
            }
        }
    };
    const auto show_limit = [&](std::string_view name, engine::CounterKind kind) {
        out.print("{} ", name);
        print_v1_limit(context.profile(), context.engine.hierarchical_limit(context.memcg(), kind),
                       out);
        out.append("\n");
    };
    context.engine.flush_stats(context.memcg());
    show_block("", Scope::kOwn);
    show_limit("hierarchical_memory_limit", engine::CounterKind::kMemory);
    if (context.profile().memsw_always) {
        show_limit("hierarchical_memsw_limit", engine::CounterKind::kMemsw);
    }
    show_block("total_", Scope::kSubtree);
    return {};
}

Result<void> show_v1_numa_stat(const ShowContext& context, TextBuffer& out) {
    using enum engine::StatItem;
    const auto show_block = [&](std::string_view prefix, Scope scope) {
        const auto show_line = [&](std::string_view name, std::initializer_list<StatItem> lists) {
            out.print("{}{}={}", prefix, name, pages_on(context.memcg(), lists, scope));
            for (engine::NodeId node = 0; node < context.engine.node_count(); node++) {
                out.print(" N{}={}", node, pages_on_node(context.memcg(), node, lists, scope));
            }
            out.print("\n");
        };
        show_line("total", {kInactiveAnon, kActiveAnon, kInactiveFile, kActiveFile, kUnevictable});
        show_line("file", {kInactiveFile, kActiveFile});
        show_line("anon", {kInactiveAnon, kActiveAnon});
        show_line("unevictable", {kUnevictable});
    };
    context.engine.flush_stats(context.memcg());
    show_block("", Scope::kOwn);
    if (context.profile().version >= k3_17) {
        show_block("hierarchical_", Scope::kSubtree);
    }
    return {};
}

void print_oom_stat(const engine::Profile& profile, const Memcg& memcg, TextBuffer& out) {
    for (const StatLine& line : kV2Lines) {
        if (exists(line, profile)) {
            out.print("{} {}\n", line.name, value_of(memcg, line, Scope::kSubtree));
        }
    }
}

Result<void> show_v2_stat(const ShowContext& context, TextBuffer& out) {
    context.engine.flush_stats(context.memcg());
    print_oom_stat(context.profile(), context.memcg(), out);
    return {};
}

Result<void> show_v2_numa_stat(const ShowContext& context, TextBuffer& out) {
    context.engine.flush_stats(context.memcg());
    for (const StatLine& line : kV2Lines) {
        if (line.per_node && exists(line, context.profile())) {
            out.print("{}", line.name);
            for (engine::NodeId node = 0; node < context.engine.node_count(); node++) {
                out.print(" N{}={}", node, node_value_of(context.memcg(), node, line));
            }
            out.print("\n");
        }
    }
    return {};
}

}  // namespace memcgfs::interface
