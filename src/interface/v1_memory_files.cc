// SPDX-License-Identifier: MIT
//
// v1 files of the memory controller (mem_cgroup_legacy_files, mm/memcontrol-v1.c; spec files.md
// A3).
#include <array>

#include "interface/limit_files.h"
#include "interface/services.h"
#include "interface/stat_lines.h"
#include "interface/tables.h"
#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::CounterKind;
using engine::KernelVersion;
using engine::Profile;

constexpr KernelVersion kThresholds = engine::linux_2_6(34);
constexpr KernelVersion kOomControl = engine::linux_2_6(35);
constexpr KernelVersion kNumaStat{3, 0};
constexpr KernelVersion kTcpKmem{3, 3};
constexpr KernelVersion kKmem{3, 8};
constexpr KernelVersion kPressureLevel{3, 10};

bool has_memsw(const Profile& profile) { return profile.memsw_always; }

template <CounterKind kKind>
Result<void> show_peak(const ShowContext& context, TextBuffer& out) {
    print_bytes(out, counter_of<kKind>(context).watermark());
    return {};
}

template <CounterKind kKind>
Result<vfs::StoreOutcome> restart_peak(StoreContext& context, std::string_view) {
    counter_of<kKind>(context).reset_watermark();
    return done();
}

template <CounterKind kKind>
Result<void> show_limit(const ShowContext& context, TextBuffer& out) {
    print_v1_limit(context.profile(), counter_of<kKind>(context).max(), out);
    out.append("\n");
    return {};
}

template <CounterKind kKind>
Result<void> show_failcnt(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", counter_of<kKind>(context).failcnt());
    return {};
}

template <CounterKind kKind>
Result<vfs::StoreOutcome> clear_failcnt(StoreContext& context, std::string_view) {
    counter_of<kKind>(context).reset_failcnt();
    return done();
}

/// The new limit of any of the four counters; the root has none.
Result<Pages> parse_limit(StoreContext& context, std::string_view text) {
    const Pages max = MEMCGFS_TRY(parse_v1_limit(context.profile(), text));
    if (context.memcg().is_root()) {
        return Err(Errno::kEINVAL);
    }
    return max;
}

template <CounterKind kKind>
Result<vfs::StoreOutcome> store_limit(StoreContext& context, std::string_view text) {
    const Pages max = MEMCGFS_TRY(parse_limit(context, text));
    return go_on(context.engine.set_limit(context.memcg(), kKind, max));
}

/// A limit that nothing is reclaimed for.
template <CounterKind kKind>
Result<vfs::StoreOutcome> store_hard_limit(StoreContext& context, std::string_view text) {
    const Pages max = MEMCGFS_TRY(parse_limit(context, text));
    if (!counter_of<kKind>(context).try_set_max(max)) {
        return Err(Errno::kEBUSY);
    }
    if (kKind == CounterKind::kTcpmem) {
        context.memcg().tcp_accounted = true;
    }
    return done();
}

/// kmem.limit_in_bytes from 6.1 on: looked at and forgotten.
Result<vfs::StoreOutcome> ignore_limit(StoreContext& context, std::string_view text) {
    MEMCGFS_TRY(parse_limit(context, text));
    context.engine.warn_once(
        "kmem.limit_in_bytes is deprecated and will be removed. Writing any value to this file has "
        "no effect. Please report your usecase to linux-mm@kvack.org if you depend on this "
        "functionality.");
    return done();
}

Result<void> show_soft_limit(const ShowContext& context, TextBuffer& out) {
    print_v1_limit(context.profile(), context.memcg().soft_limit, out);
    out.append("\n");
    return {};
}

Result<vfs::StoreOutcome> store_soft_limit(StoreContext& context, std::string_view text) {
    context.memcg().soft_limit = MEMCGFS_TRY(parse_v1_limit(context.profile(), text));
    return done();
}

Result<vfs::StoreOutcome> store_force_empty(StoreContext& context, std::string_view) {
    const engine::Cgroup& group = context.group;
    if (context.profile().settings_are_guarded &&
        (!group.tasks.empty() || !group.children.empty())) {
        return Err(Errno::kEBUSY);
    }
    if (context.memcg().is_root()) {
        return Err(Errno::kEINVAL);
    }
    return go_on(context.engine.force_empty(context.memcg()));
}

Result<void> show_use_hierarchy(const ShowContext& context, TextBuffer& out) {
    const bool value = context.profile().use_hierarchy_fixed || context.memcg().use_hierarchy;
    out.print("{:d}\n", value);
    return {};
}

/// Before 5.11: only where no ancestor has decided and there are no children.
Result<vfs::StoreOutcome> store_use_hierarchy(StoreContext& context, std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_u64(text));
    if (context.profile().use_hierarchy_fixed) {
        return value == 1 ? Result<vfs::StoreOutcome>(done()) : Err(Errno::kEINVAL);
    }
    engine::Memcg& memcg = context.memcg();
    if (value == (memcg.use_hierarchy ? 1U : 0U)) {
        return done();
    }
    if (value > 1 || (memcg.parent() != nullptr && memcg.parent()->use_hierarchy)) {
        return Err(Errno::kEINVAL);
    }
    if (!context.group.children.empty()) {
        return Err(Errno::kEBUSY);
    }
    memcg.use_hierarchy = value == 1;
    return done();
}

Result<vfs::StoreOutcome> store_event_control(UnlockedStoreContext& context,
                                              std::string_view text) {
    const EventRequest request = MEMCGFS_TRY(parse_event_request(text));
    Services& services = context.services;
    if (!services.hooks.open_event) {
        return Err(Errno::kEOPNOTSUPP);
    }
    EventDescriptors descriptors = MEMCGFS_TRY(
        services.hooks.open_event(vfs::DirKey{context.group.value}, request, context.caller));
    const engine::EventSpec spec =
        MEMCGFS_TRY(parse_event_arguments(descriptors.control_file, request.arguments));
    const std::vector<engine::EventId> closed = services.event_fds.closed();

    const MutexLock lock(services.engine_mutex);
    for (const engine::EventId event : closed) {
        services.engine.unregister_event(event);
        services.event_fds.remove(event);
    }
    const engine::Cgroup* group = services.engine.find(context.group);
    if (group == nullptr || group->memcg == nullptr) {
        return Err(Errno::kENODEV);
    }
    const engine::EventId event = services.engine.register_event(*group->memcg, spec);
    services.event_fds.add(event, std::move(descriptors.eventfd));
    return done();
}

/// Where up to 3.15 a setting is not the group's own: the root's is the machine's, and those below
/// a hierarchy's top are the top's.
bool is_guarded(const ShowContext& context) {
    const engine::Memcg& memcg = context.memcg();
    return context.profile().settings_are_guarded &&
           (memcg.is_root() || memcg.parent()->use_hierarchy ||
            (memcg.use_hierarchy && !context.group.children.empty()));
}

Result<void> show_swappiness(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.memcg().swappiness);
    return {};
}

Result<vfs::StoreOutcome> store_swappiness(StoreContext& context, std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_u64(text));
    if (value > context.profile().swappiness_max || is_guarded(context)) {
        return Err(Errno::kEINVAL);
    }
    context.engine.set_swappiness(context.memcg(), value);
    return done();
}

Result<void> show_move_charge(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.memcg().move_charge_at_immigrate);
    return {};
}

Result<vfs::StoreOutcome> store_move_charge(StoreContext& context, std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_u64(text));
    constexpr engine::KernelVersion kDeprecated{6, 1};
    if (context.profile().version >= kDeprecated) {
        context.engine.warn_once(
            "Cgroup memory moving (move_charge_at_immigrate) is deprecated. Please report your "
            "usecase to linux-mm@kvack.org if you depend on this functionality.");
    }
    // Bit 0: anonymous memory, bit 1: files. The kernel's mask is 32 bits wide, so higher bits
    // pass.
    if ((value & 0xFFFF'FFFCU) != 0) {
        return Err(Errno::kEINVAL);
    }
    context.memcg().move_charge_at_immigrate = value;
    return done();
}

Result<void> show_oom_control(const ShowContext& context, TextBuffer& out) {
    const engine::Memcg& memcg = context.memcg();
    out.print("oom_kill_disable {:d}\nunder_oom {:d}\n", memcg.oom_kill_disable,
              memcg.under_oom > 0);
    constexpr engine::KernelVersion kKills{4, 13};
    if (context.profile().version >= kKills) {
        out.print("oom_kill {}\n", memcg.event_local(engine::MemcgEvent::kOomKill));
    }
    return {};
}

Result<vfs::StoreOutcome> store_oom_control(StoreContext& context, std::string_view text) {
    const std::uint64_t value = MEMCGFS_TRY(parse_u64(text));
    if (context.memcg().is_root() || value > 1 || is_guarded(context)) {
        return Err(Errno::kEINVAL);
    }
    context.engine.set_oom_kill_disable(context.memcg(), value == 1);
    return done();
}

Result<void> show_nothing(const ShowContext&, TextBuffer&) { return {}; }

constexpr std::array kFiles = {
    Cftype{.name = "memory.usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_usage<CounterKind::kMemory>,
           .told = true,
           .doc = "Memory in use, this group and below, in bytes."},
    Cftype{.name = "memory.max_usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_peak<CounterKind::kMemory>,
           .store = restart_peak<CounterKind::kMemory>,
           .doc = "The highest usage so far; any write restarts it at the present usage."},
    Cftype{.name = "memory.limit_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_limit<CounterKind::kMemory>,
           .store = store_limit<CounterKind::kMemory>,
           .doc = "The hard limit. A value below the usage reclaims first, then fails EBUSY."},
    Cftype{.name = "memory.soft_limit_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_soft_limit,
           .store = store_soft_limit,
           .doc = "What the group is pushed back to when the machine is short of memory."},
    Cftype{.name = "memory.failcnt",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_failcnt<CounterKind::kMemory>,
           .store = clear_failcnt<CounterKind::kMemory>,
           .doc = "How often a charge met the limit; any write clears it."},
    Cftype{.name = "memory.stat",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_v1_stat,
           .told = true,
           .doc = "Numbers of this group, its limits, and with total_ of the groups below too."},
    Cftype{.name = "memory.force_empty",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .store = store_force_empty,
           .refresh = Refresh::kOnStore,
           .doc = "Any write reclaims as much as goes; succeeds with memory left, which up to 3.18 "
                  "goes to the parent."},
    Cftype{.name = "memory.use_hierarchy",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_use_hierarchy,
           .store = store_use_hierarchy,
           .doc = "Whether groups below are charged here, too. Always 1 from 5.11 on."},
    Cftype{.name = "cgroup.event_control",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kThresholds,
           .store_unlocked = store_event_control,
           .mode = 0222,
           .doc = "Registers an eventfd for usage thresholds, OOM or pressure."},
    Cftype{.name = "memory.swappiness",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .show = show_swappiness,
           .store = store_swappiness,
           .doc = "How much reclaim leans to anonymous memory; the root's is vm.swappiness."},
    Cftype{.name = "memory.move_charge_at_immigrate",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kThresholds,
           .show = show_move_charge,
           .store = store_move_charge,
           .doc = "Whether charges follow a process into this group: 1 anonymous, 2 files."},
    Cftype{.name = "memory.oom_control",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kOomControl,
           .show = show_oom_control,
           .store = store_oom_control,
           .doc = "1 makes tasks wait instead of being killed when nothing can be reclaimed."},
    Cftype{.name = "memory.pressure_level",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kPressureLevel,
           .until = {6, 12},
           .mode = 0,
           .doc = "Only to be named in cgroup.event_control."},
    Cftype{.name = "memory.pressure_level",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = {6, 12},
           .mode = 0444,
           .doc = "Only to be named in cgroup.event_control."},
    Cftype{.name = "memory.numa_stat",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kNumaStat,
           .show = show_v1_numa_stat,
           .told = true,
           .doc = "Pages on each node; there is one node."},
    Cftype{.name = "memory.kmem.limit_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kKmem,
           .until = {6, 1},
           .show = show_limit<CounterKind::kKmem>,
           .store = store_hard_limit<CounterKind::kKmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "The limit of kernel memory."},
    Cftype{.name = "memory.kmem.limit_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = {6, 1},
           .show = show_limit<CounterKind::kKmem>,
           .store = ignore_limit,
           .doc = "Checked and ignored, as on the kernel."},
    Cftype{.name = "memory.kmem.usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kKmem,
           .show = show_usage<CounterKind::kKmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "Kernel memory in use."},
    Cftype{.name = "memory.kmem.failcnt",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kKmem,
           .show = show_failcnt<CounterKind::kKmem>,
           .store = clear_failcnt<CounterKind::kKmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "How often kernel memory met its limit."},
    Cftype{.name = "memory.kmem.max_usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kKmem,
           .show = show_peak<CounterKind::kKmem>,
           .store = restart_peak<CounterKind::kKmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "The highest use of kernel memory so far."},
    Cftype{.name = "memory.kmem.slabinfo",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kKmem,
           .show = show_nothing,
           .doc = "Empty."},
    Cftype{.name = "memory.kmem.tcp.limit_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kTcpKmem,
           .show = show_limit<CounterKind::kTcpmem>,
           .store = store_hard_limit<CounterKind::kTcpmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "The limit of TCP buffer memory, which is accounted once this has been written. "
                  "Nothing is refused at it."},
    Cftype{.name = "memory.kmem.tcp.usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kTcpKmem,
           .show = show_usage<CounterKind::kTcpmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "TCP buffer memory in use."},
    Cftype{.name = "memory.kmem.tcp.failcnt",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kTcpKmem,
           .show = show_failcnt<CounterKind::kTcpmem>,
           .store = clear_failcnt<CounterKind::kTcpmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "How often TCP buffer memory met its limit."},
    Cftype{.name = "memory.kmem.tcp.max_usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .since = kTcpKmem,
           .show = show_peak<CounterKind::kTcpmem>,
           .store = restart_peak<CounterKind::kTcpmem>,
           .fidelity = Fidelity::kAccounted,
           .doc = "The highest use of TCP buffer memory so far."},
    Cftype{.name = "memory.memsw.usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .present = has_memsw,
           .show = show_usage<CounterKind::kMemsw>,
           .told = true,
           .doc = "Memory and swap in use."},
    Cftype{.name = "memory.memsw.max_usage_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .present = has_memsw,
           .show = show_peak<CounterKind::kMemsw>,
           .store = restart_peak<CounterKind::kMemsw>,
           .doc = "The highest use of memory and swap so far."},
    Cftype{.name = "memory.memsw.limit_in_bytes",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .present = has_memsw,
           .show = show_limit<CounterKind::kMemsw>,
           .store = store_limit<CounterKind::kMemsw>,
           .doc = "The limit of memory and swap together, never below the one of memory."},
    Cftype{.name = "memory.memsw.failcnt",
           .version = CgroupVersion::kV1,
           .controller = Controller::kMemory,
           .present = has_memsw,
           .show = show_failcnt<CounterKind::kMemsw>,
           .store = clear_failcnt<CounterKind::kMemsw>,
           .doc = "How often a charge met the limit of memory and swap."},
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v1_memory_files() { return kFiles; }

}  // namespace memcgfs::interface
