// SPDX-License-Identifier: MIT
//
// Files of cpuset (kernel/cgroup/cpuset.c).
#include <array>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::CpusetFlag;
using engine::IdSet;
using engine::KernelVersion;
using engine::Partition;

/// MAX_NUMNODES: a list may name nodes up to here, whether they are there or not.
constexpr std::uint32_t kNodesMax = 1024;
/// A list may be as long as one of all CPUs or nodes that the kernel was built for (NR_CPUS).
constexpr std::size_t kCpuListMax = 100 + 6 * std::size_t{8192};
constexpr std::size_t kNodeListMax = 100 + 6 * std::size_t{kNodesMax};
constexpr KernelVersion kExclusive{6, 7};
constexpr KernelVersion kIsolated{6, 8};

Result<void> show_cpus(const ShowContext& context, TextBuffer& out) {
    const bool root = context.group.is_root();
    out.print("{}\n", root ? context.engine.all_cpus().text()
                           : context.engine.cpuset(context.group).cpus.text());
    return {};
}

Result<void> show_mems(const ShowContext& context, TextBuffer& out) {
    const bool root = context.group.is_root();
    out.print("{}\n", root ? context.engine.all_mems().text()
                           : context.engine.cpuset(context.group).mems.text());
    return {};
}

Result<vfs::StoreOutcome> store_cpus(StoreContext& context, std::string_view text) {
    if (context.group.is_root()) {
        return Err(Errno::kEACCES);
    }
    const auto count = static_cast<std::uint32_t>(context.engine.all_cpus().size());
    const IdSet cpus = MEMCGFS_TRY(IdSet::parse(strip(text), count));
    MEMCGFS_TRY(context.engine.set_cpuset_cpus(context.group, cpus));
    return done();
}

Result<vfs::StoreOutcome> store_mems(StoreContext& context, std::string_view text) {
    if (context.group.is_root()) {
        return Err(Errno::kEACCES);
    }
    const IdSet mems = MEMCGFS_TRY(IdSet::parse(strip(text), kNodesMax));
    return go_on(MEMCGFS_TRY(context.engine.set_cpuset_mems(context.group, mems)));
}

Result<void> show_effective_cpus(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.engine.effective_cpus(context.group).text());
    return {};
}

Result<void> show_effective_mems(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.engine.effective_mems(context.group).text());
    return {};
}

// v1.

template <CpusetFlag kFlag>
Result<void> show_flag(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.engine.cpuset(context.group).flag(kFlag));
    return {};
}

template <CpusetFlag kFlag>
Result<vfs::StoreOutcome> store_flag(StoreContext& context, std::string_view text) {
    // An int in the kernel.
    const bool value = static_cast<std::uint32_t>(MEMCGFS_TRY(parse_u64(text))) != 0;
    MEMCGFS_TRY(context.engine.set_cpuset_flag(context.group, kFlag, value));
    return done();
}

Result<void> show_level(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.engine.cpuset(context.group).relax_domain_level);
    return {};
}

Result<vfs::StoreOutcome> store_level(StoreContext& context, std::string_view text) {
    const std::int64_t level = MEMCGFS_TRY(parse_s64(text));
    MEMCGFS_TRY(context.engine.set_relax_domain_level(context.group, level));
    return done();
}

Result<void> show_pressure_switch(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.engine.cpuset(context.group).pressure_enabled);
    return {};
}

Result<vfs::StoreOutcome> store_pressure_switch(StoreContext& context, std::string_view text) {
    context.engine.set_memory_pressure_enabled(context.group, MEMCGFS_TRY(parse_u64(text)) != 0);
    return done();
}

// v2.

std::string_view partition_name(Partition partition) {
    switch (partition) {
        case Partition::kMember:
            return "member";
        case Partition::kRoot:
            return "root";
        case Partition::kIsolated:
            return "isolated";
    }
    MEMCGFS_UNREACHABLE();
}

Result<void> show_partition(const ShowContext& context, TextBuffer& out) {
    const engine::CpusetState cpuset = context.engine.cpuset(context.group);
    out.append(partition_name(cpuset.partition));
    if (cpuset.fault) {
        out.append(" invalid");
    }
    if (cpuset.fault && !cpuset.fault->empty()) {
        out.print(" ({})", *cpuset.fault);
    }
    out.append("\n");
    return {};
}

Result<vfs::StoreOutcome> store_partition(StoreContext& context, std::string_view text) {
    for (const Partition partition : {Partition::kMember, Partition::kRoot, Partition::kIsolated}) {
        if (strip(text) == partition_name(partition)) {
            context.engine.set_partition(context.group, partition);
            return done();
        }
    }
    return Err(Errno::kEINVAL);
}

Result<void> show_exclusive(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.engine.cpuset(context.group).exclusive.text());
    return {};
}

Result<void> show_effective_exclusive(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.engine.exclusive_cpus(context.group).text());
    return {};
}

Result<vfs::StoreOutcome> store_exclusive(StoreContext& context, std::string_view text) {
    const auto count = static_cast<std::uint32_t>(context.engine.all_cpus().size());
    const IdSet cpus = MEMCGFS_TRY(IdSet::parse(strip(text), count));
    MEMCGFS_TRY(context.engine.set_exclusive_cpus(context.group, cpus));
    return done();
}

Result<void> show_isolated(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.engine.isolated_cpus().text());
    return {};
}

struct Doc {
    std::string_view text;
    Fidelity fidelity = Fidelity::kStoredOnly;
};

constexpr Cftype v1_row(std::string_view name, ShowFunction show, StoreFunction store, Doc doc) {
    return {.name = name,
            .version = CgroupVersion::kV1,
            .controller = Controller::kCpuset,
            .show = show,
            .store = store,
            .fidelity = doc.fidelity,
            .doc = doc.text};
}

template <CpusetFlag kFlag>
constexpr Cftype v1_flag(std::string_view name, Doc doc) {
    return v1_row(name, show_flag<kFlag>, store_flag<kFlag>, doc);
}

constexpr Cftype list(Cftype row, std::size_t write_max_bytes) {
    row.write_max_bytes = write_max_bytes;
    return row;
}

constexpr Cftype placed(Cftype row, Placement placement) {
    row.placement = placement;
    return row;
}

constexpr Cftype v2_row(std::string_view name, ShowFunction show, StoreFunction store, Doc doc) {
    Cftype row = v1_row(name, show, store, doc);
    row.version = CgroupVersion::kV2;
    row.placement = store != nullptr ? Placement::kNotOnRoot : Placement::kEverywhere;
    return row;
}

constexpr std::array kV1Files = {
    list(v1_row(
             "cpuset.cpus", show_cpus, store_cpus,
             {"CPUs of the members: checked and kept, nothing runs there.", Fidelity::kAccounted}),
         kCpuListMax),
    list(v1_row("cpuset.mems", show_mems, store_mems,
                {"Nodes that the members' new pages come from.", Fidelity::kModelled}),
         kNodeListMax),
    v1_row("cpuset.effective_cpus", show_effective_cpus, nullptr,
           {"Those of them that the groups above have, too.", Fidelity::kAccounted}),
    v1_row("cpuset.effective_mems", show_effective_mems, nullptr,
           {"Those of them that the groups above have, too.", Fidelity::kModelled}),
    v1_flag<CpusetFlag::kCpuExclusive>(
        "cpuset.cpu_exclusive", {"1: no sibling may have the same CPUs.", Fidelity::kModelled}),
    v1_flag<CpusetFlag::kMemExclusive>(
        "cpuset.mem_exclusive", {"1: no sibling may have the same nodes.", Fidelity::kModelled}),
    v1_flag<CpusetFlag::kMemHardwall>("cpuset.mem_hardwall", {"A flag for kernel memory."}),
    v1_flag<CpusetFlag::kSchedLoadBalance>("cpuset.sched_load_balance",
                                           {"A flag for the scheduler."}),
    v1_row("cpuset.sched_relax_domain_level", show_level, store_level,
           {"A number for the scheduler, -1 to 5."}),
    v1_flag<CpusetFlag::kMemoryMigrate>(
        "cpuset.memory_migrate",
        {"1: pages follow when members or nodes change.", Fidelity::kModelled}),
    v1_row("cpuset.memory_pressure", show_constant<0>, nullptr, {"Zero."}),
    v1_flag<CpusetFlag::kSpreadPage>("cpuset.memory_spread_page", {"A flag; children copy it."}),
    v1_flag<CpusetFlag::kSpreadSlab>("cpuset.memory_spread_slab", {"A flag; children copy it."}),
    placed(v1_row("cpuset.memory_pressure_enabled", show_pressure_switch, store_pressure_switch,
                  {"A flag."}),
           Placement::kOnlyOnRoot),
};
static_assert(detail::table_is_sound(kV1Files));

constexpr std::array kV2Files = {
    list(v2_row("cpuset.cpus", show_cpus, store_cpus,
                {"CPUs wanted for the members: kept, nothing runs there.", Fidelity::kAccounted}),
         kCpuListMax),
    list(v2_row("cpuset.mems", show_mems, store_mems,
                {"Nodes wanted for the members' pages.", Fidelity::kModelled}),
         kNodeListMax),
    v2_row("cpuset.cpus.effective", show_effective_cpus, nullptr,
           {"What the groups above leave of them.", Fidelity::kAccounted}),
    v2_row("cpuset.mems.effective", show_effective_mems, nullptr,
           {"What the groups above leave of them.", Fidelity::kModelled}),
    v2_row("cpuset.cpus.partition", show_partition, store_partition,
           {"member, root or isolated, and why that is not possible.", Fidelity::kAccounted}),
    since(list(v2_row("cpuset.cpus.exclusive", show_exclusive, store_exclusive,
                      {"CPUs for a partition, here or below.", Fidelity::kAccounted}),
               kCpuListMax),
          kExclusive),
    placed(since(v2_row("cpuset.cpus.exclusive.effective", show_effective_exclusive, nullptr,
                        {"Those of them that the groups above may give.", Fidelity::kAccounted}),
                 kExclusive),
           Placement::kNotOnRoot),
    placed(since(v2_row("cpuset.cpus.isolated", show_isolated, nullptr,
                        {"CPUs of isolated partitions.", Fidelity::kAccounted}),
                 kIsolated),
           Placement::kOnlyOnRoot),
};
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> v1_cpuset_files() { return kV1Files; }
std::span<const Cftype> v2_cpuset_files() { return kV2Files; }

}  // namespace memcgfs::interface
