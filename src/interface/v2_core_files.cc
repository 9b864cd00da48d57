// SPDX-License-Identifier: MIT
//
// v2 files of every group (cgroup_base_files and cgroup_psi_files, kernel/cgroup/cgroup.c; spec
// files.md A5, B1 to B7).
#include <array>
#include <vector>

#include "interface/pressure_files.h"
#include "interface/services.h"
#include "interface/tables.h"
#include "memcgfs/base/parse_number.h"
#include "memcgfs/interface/controllers.h"

namespace memcgfs::interface {
namespace {

using engine::Cgroup;
using engine::CgroupVersion;
using engine::Controller;
using engine::KernelVersion;

constexpr KernelVersion kStatOfControllers{6, 12};
constexpr KernelVersion kNiceTime{6, 11};
constexpr KernelVersion kCpuBursts{5, 14};
constexpr KernelVersion kFreezer{5, 2};

void collect_threaded(const ShowContext& context, const Cgroup& group,
                      std::vector<Member>& members) {
    const std::vector<Member> own = leaders_of(context.engine, group);
    members.insert(members.end(), own.begin(), own.end());
    for (const Cgroup* child : group.children) {
        if (child->threaded) {
            collect_threaded(context, *child, members);
        }
    }
}

Result<void> show_type(const ShowContext& context, TextBuffer& out) {
    switch (context.engine.type(context.group)) {
        case engine::GroupType::kDomain:
            out.append("domain\n");
            break;
        case engine::GroupType::kDomainThreaded:
            out.append("domain threaded\n");
            break;
        case engine::GroupType::kDomainInvalid:
            out.append("domain invalid\n");
            break;
        case engine::GroupType::kThreaded:
            out.append("threaded\n");
            break;
    }
    return {};
}

Result<vfs::StoreOutcome> store_type(StoreContext& context, std::string_view text) {
    if (strip(text) != "threaded") {
        return Err(Errno::kEINVAL);
    }
    MEMCGFS_TRY(context.engine.make_threaded(context.group));
    return done();
}

/// In a subtree of threaded groups the processes are those of its root.
Result<std::vector<Member>> processes(const ShowContext& context) {
    if (context.group.threaded) {
        return Err(Errno::kEOPNOTSUPP);
    }
    std::vector<Member> members;
    collect_threaded(context, context.group, members);
    return members;
}

Result<std::vector<Member>> threads(const ShowContext& context) {
    return threads_of(context.engine, context.group);
}

template <bool kOneThread>
Result<vfs::StoreOutcome> store_member(UnlockedStoreContext& context, std::string_view text) {
    return context.services.membership.move(text, {.group = context.group,
                                                   .procs_file = context.services.v2_procs_file,
                                                   .opener = context.opener,
                                                   .caller = context.caller,
                                                   .one_thread = kOneThread});
}

Result<void> show_controllers(const ShowContext& context, TextBuffer& out) {
    const auto mask = context.engine.available_controllers(context.group);
    out.append(controller_line(mask, context.profile()));
    return {};
}

Result<void> show_subtree_control(const ShowContext& context, TextBuffer& out) {
    out.append(controller_line(context.group.subtree_control, context.profile()));
    return {};
}

Result<vfs::StoreOutcome> store_subtree_control(StoreContext& context, std::string_view text) {
    const auto change = MEMCGFS_TRY(parse_subtree_control(text, context.profile()));
    if (change.enable_implicit) {
        return Err(Errno::kENOENT);
    }
    MEMCGFS_TRY(context.engine.set_subtree_control(context.group, change.enable, change.disable));
    return done();
}

Result<void> show_events(const ShowContext& context, TextBuffer& out) {
    out.print("populated {:d}\n", context.group.populated());
    if (context.profile().version >= kFreezer) {
        out.print("frozen {:d}\n", context.engine.frozen(context.group));
    }
    return {};
}

template <std::int32_t Cgroup::* kLimit>
Result<void> show_tree_limit(const ShowContext& context, TextBuffer& out) {
    const std::int32_t limit = context.group.*kLimit;
    if (limit == engine::kNoTreeLimit) {
        out.append("max\n");
    } else {
        out.print("{}\n", limit);
    }
    return {};
}

template <std::int32_t Cgroup::* kLimit>
Result<vfs::StoreOutcome> store_tree_limit(StoreContext& context, std::string_view text) {
    std::int32_t limit = engine::kNoTreeLimit;
    if (strip(text) != "max") {
        limit = MEMCGFS_TRY(parse_i32(text));
    }
    if (limit < 0) {
        return Err(Errno::kERANGE);
    }
    context.group.*kLimit = limit;
    return done();
}

bool has_controller(const engine::Engine& engine, const Cgroup& group, Controller controller) {
    const auto mask =
        group.is_root() ? engine.available_controllers(group) : group.parent->subtree_control;
    return (mask & mask_of(controller)) != 0;
}

/// This group and those below that have the controller.
int groups_with(const engine::Engine& engine, const Cgroup& group, Controller controller) {
    if (!has_controller(engine, group, controller)) {
        return 0;
    }
    int count = 1;
    for (const Cgroup* child : group.children) {
        count += groups_with(engine, *child, controller);
    }
    return count;
}

Result<void> show_stat(const ShowContext& context, TextBuffer& out) {
    const Cgroup& group = context.group;
    const bool by_controller = context.profile().version >= kStatOfControllers;
    const auto bound = context.group.hierarchy->controllers;
    const auto show_each = [&](std::string_view prefix, auto count_of, int implicit_count) {
        for (auto bit = 0U; by_controller && bit <= static_cast<unsigned>(Controller::kMisc);
             ++bit) {
            const auto controller = static_cast<Controller>(bit);
            if (controller == Controller::kHugetlb) {
                out.print("{}{} {}\n", prefix, kImplicitController, implicit_count);
            }
            if ((bound & mask_of(controller)) != 0) {
                out.print("{}{} {}\n", prefix, controller_name(controller, context.profile()),
                          count_of(controller));
            }
        }
    };
    out.print("nr_descendants {}\n", group.descendants);
    show_each(
        "nr_subsys_",
        [&](Controller controller) { return groups_with(context.engine, group, controller); },
        group.descendants + 1);
    out.print("nr_dying_descendants {}\n", group.dying_descendants);
    show_each(
        "nr_dying_subsys_",
        [&](Controller controller) {
            return controller == Controller::kMemory ? group.dying_descendants : 0;
        },
        0);
    return {};
}

Result<void> show_freeze(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.group.freeze);
    return {};
}

/// 0 or 1; ERANGE for other integers.
Result<bool> parse_switch(std::string_view text) {
    const std::int32_t value = MEMCGFS_TRY(parse_i32(text));
    if (value < 0 || value > 1) {
        return Err(Errno::kERANGE);
    }
    return value == 1;
}

Result<vfs::StoreOutcome> store_freeze(StoreContext& context, std::string_view text) {
    context.engine.set_freeze(context.group, MEMCGFS_TRY(parse_switch(text)));
    return done();
}

Result<vfs::StoreOutcome> store_kill(StoreContext& context, std::string_view text) {
    if (MEMCGFS_TRY(parse_i32(text)) != 1) {
        return Err(Errno::kERANGE);
    }
    if (context.group.threaded) {
        return Err(Errno::kEOPNOTSUPP);
    }
    context.engine.kill_cgroup(context.group);
    return done();
}

Result<void> show_cpu_stat(const ShowContext& context, TextBuffer& out) {
    if (context.group.memcg != nullptr && !context.group.memcg->is_root()) {
        context.engine.flush_subtree(*context.group.memcg);  // a flush is for all controllers
    }
    const auto version = context.profile().version;
    out.append("usage_usec 0\nuser_usec 0\nsystem_usec 0\n");
    if (version >= kNiceTime) {
        out.append("nice_usec 0\n");
    }
    if (has_controller(context.engine, context.group, Controller::kCpu)) {
        out.append("nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
        if (version >= kCpuBursts) {
            out.append("nr_bursts 0\nburst_usec 0\n");
        }
    }
    return {};
}

Result<void> show_cpu_stat_local(const ShowContext& context, TextBuffer& out) {
    if (has_controller(context.engine, context.group, Controller::kCpu)) {
        out.append("throttled_usec 0\n");
    }
    return {};
}

Result<void> show_pressure_switch(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.group.pressure);
    return {};
}

Result<vfs::StoreOutcome> store_pressure_switch(StoreContext& context, std::string_view text) {
    const bool on = MEMCGFS_TRY(parse_switch(text));
    if (on != context.group.pressure) {
        context.engine.set_pressure(context.group, on);
        PressureSwitches& switches = context.services.pressure_switches;
        auto& record = switches.records[context.group.id];
        record.count++;
        if (on) {
            record.switched_on_at = switches.version(context.group);
        }
    }
    return done();
}

constexpr std::array kFiles = {
    Cftype{.name = "cgroup.type",
           .version = CgroupVersion::kV2,
           .placement = Placement::kNotOnRoot,
           .show = show_type,
           .store = store_type,
           .refresh = Refresh::kBoth,
           .doc = "domain, domain threaded, domain invalid or threaded."},
    Cftype{.name = "cgroup.procs",
           .version = CgroupVersion::kV2,
           .delegatable = true,
           .members = processes,
           .store_unlocked = store_member<false>,
           .refresh = Refresh::kOnShow,
           .line_list = true,
           .doc = "The processes of the group in the order of joining; a pid written here joins."},
    Cftype{.name = "cgroup.threads",
           .version = CgroupVersion::kV2,
           .delegatable = true,
           .members = threads,
           .store_unlocked = store_member<true>,
           .refresh = Refresh::kOnShow,
           .line_list = true,
           .doc = "The threads of the group; one written here joins it, alone, within its domain."},
    Cftype{.name = "cgroup.controllers",
           .version = CgroupVersion::kV2,
           .show = show_controllers,
           .doc = "What this group may hand out; empty if nothing."},
    Cftype{.name = "cgroup.subtree_control",
           .version = CgroupVersion::kV2,
           .delegatable = true,
           .show = show_subtree_control,
           .store = store_subtree_control,
           .refresh = Refresh::kOnStore,
           .doc = "What this group hands out to its children: \"+memory\", \"-memory\"."},
    Cftype{.name = "cgroup.events",
           .version = CgroupVersion::kV2,
           .placement = Placement::kNotOnRoot,
           .show = show_events,
           .refresh = Refresh::kOnShow,
           .announced_as = engine::NotifyFile::kCgroupEvents,
           .doc = "populated and frozen; a change is announced."},
    Cftype{.name = "cgroup.max.descendants",
           .version = CgroupVersion::kV2,
           .show = show_tree_limit<&Cgroup::max_descendants>,
           .store = store_tree_limit<&Cgroup::max_descendants>,
           .doc = "How many groups may be below."},
    Cftype{.name = "cgroup.max.depth",
           .version = CgroupVersion::kV2,
           .show = show_tree_limit<&Cgroup::max_depth>,
           .store = store_tree_limit<&Cgroup::max_depth>,
           .doc = "How many levels may be below."},
    Cftype{.name = "cgroup.stat",
           .version = CgroupVersion::kV2,
           .show = show_stat,
           .doc = "Groups below, living and dying; from 6.12 on also by controller."},
    Cftype{.name = "cgroup.freeze",
           .version = CgroupVersion::kV2,
           .placement = Placement::kNotOnRoot,
           .since = kFreezer,
           .show = show_freeze,
           .store = store_freeze,
           .refresh = Refresh::kOnStore,
           .doc = "1 stops the processes of the group and below."},
    Cftype{.name = "cgroup.kill",
           .version = CgroupVersion::kV2,
           .placement = Placement::kNotOnRoot,
           .since = {5, 14},
           .store = store_kill,
           .refresh = Refresh::kOnStore,
           .doc = "1 kills the processes of the group and below."},
    Cftype{.name = "cpu.stat",
           .version = CgroupVersion::kV2,
           .placement = Placement::kNotOnRoot,
           .until = {5, 8},
           .show = show_cpu_stat,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Processor time: not measured, all 0."},
    Cftype{.name = "cpu.stat",
           .version = CgroupVersion::kV2,
           .since = {5, 8},
           .show = show_cpu_stat,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Processor time: not measured, all 0."},
    Cftype{.name = "cpu.stat.local",
           .version = CgroupVersion::kV2,
           .since = {6, 6},
           .show = show_cpu_stat_local,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Throttled processor time: not measured, 0."},
    Cftype{.name = "io.pressure",
           .version = CgroupVersion::kV2,
           .part = Part::kPressure,
           .since = {4, 20},
           .show = show_no_pressure,
           .store = store_idle_trigger,
           .triggered = true,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Stalls on I/O: not measured. A trigger is checked and never fires."},
    Cftype{.name = "memory.pressure",
           .version = CgroupVersion::kV2,
           .part = Part::kPressure,
           .since = {4, 20},
           .show = show_memory_pressure,
           .store = store_memory_trigger,
           .triggered = true,
           .doc = "Time that tasks waited for memory; a trigger written here wakes pollers."},
    Cftype{.name = "cpu.pressure",
           .version = CgroupVersion::kV2,
           .part = Part::kPressure,
           .since = {4, 20},
           .show = show_no_pressure,
           .store = store_idle_trigger,
           .triggered = true,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "Stalls on processors: not measured. A trigger is checked and never fires."},
    Cftype{.name = "cgroup.pressure",
           .version = CgroupVersion::kV2,
           .since = {6, 1},
           .show = show_pressure_switch,
           .store = store_pressure_switch,
           .doc = "0 takes the pressure files away, 1 brings them back."},
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v2_core_files() { return kFiles; }

}  // namespace memcgfs::interface
