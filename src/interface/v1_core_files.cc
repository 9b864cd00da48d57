// SPDX-License-Identifier: MIT
//
// v1 files of every hierarchy (cgroup1_base_files, kernel/cgroup/cgroup-v1.c).
#include <array>

#include "interface/services.h"
#include "interface/tables.h"
#include "memcgfs/base/parse_number.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;

Result<std::vector<Member>> processes(const ShowContext& context) {
    return processes_of(context.engine, context.group);
}

Result<std::vector<Member>> threads(const ShowContext& context) {
    return threads_of(context.engine, context.group);
}

template <bool kOneThread>
Result<vfs::StoreOutcome> store_member(UnlockedStoreContext& context, std::string_view text) {
    return context.services.membership.move(text, {.group = context.group,
                                                   .procs_file = {},
                                                   .opener = context.opener,
                                                   .caller = context.caller,
                                                   .one_thread = kOneThread});
}

template <bool engine::Cgroup::*kFlag>
Result<void> show_flag(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.group.*kFlag);
    return {};
}

Result<vfs::StoreOutcome> store_clone_children(StoreContext& context, std::string_view text) {
    context.group.clone_children = MEMCGFS_TRY(parse_u64(text)) != 0;
    return done();
}

Result<vfs::StoreOutcome> store_notify_on_release(StoreContext& context, std::string_view text) {
    context.engine.set_notify_on_release(context.group, MEMCGFS_TRY(parse_u64(text)) != 0);
    return done();
}

Result<void> show_sane_behavior(const ShowContext&, TextBuffer& out) {
    out.append("0\n");
    return {};
}

Result<void> show_release_agent(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.group.release_agent);
    return {};
}

Result<vfs::StoreOutcome> store_release_agent(StoreContext& context, std::string_view text) {
    // The kernel asks for CAP_SYS_ADMIN of both.
    if (context.opener.uid != 0 || context.caller.uid != 0) {
        return Err(Errno::kEPERM);
    }
    context.engine.set_release_agent(context.group, std::string(strip(text)));
    return done();
}

constexpr engine::KernelVersion kWritableProcs{3, 0};

constexpr std::array kFiles = {
    Cftype{.name = "cgroup.procs",
           .version = CgroupVersion::kV1,
           .until = kWritableProcs,
           .members = processes,
           .refresh = Refresh::kOnShow,
           .line_list = true,
           .doc = "The processes of the group, sorted."},
    Cftype{.name = "cgroup.procs",
           .version = CgroupVersion::kV1,
           .since = kWritableProcs,
           .members = processes,
           .store_unlocked = store_member<false>,
           .refresh = Refresh::kOnShow,
           .line_list = true,
           .doc = "The processes of the group, sorted; a pid written here joins it."},
    Cftype{.name = "cgroup.clone_children",
           .version = CgroupVersion::kV1,
           .since = engine::linux_2_6(37),
           .show = show_flag<&engine::Cgroup::clone_children>,
           .store = store_clone_children,
           .doc = "1: new groups below begin with this one's cpuset; children copy the flag."},
    Cftype{.name = "cgroup.sane_behavior",
           .version = CgroupVersion::kV1,
           .placement = Placement::kOnlyOnRoot,
           .since = {3, 10},
           .show = show_sane_behavior,
           .doc = "Always 0."},
    Cftype{.name = "tasks",
           .version = CgroupVersion::kV1,
           .members = threads,
           .store_unlocked = store_member<true>,
           .refresh = Refresh::kOnShow,
           .line_list = true,
           .doc = "The threads of the group, sorted; a thread written here joins it, alone."},
    Cftype{.name = "notify_on_release",
           .version = CgroupVersion::kV1,
           .show = show_flag<&engine::Cgroup::notify_on_release>,
           .store = store_notify_on_release,
           .doc = "Whether the release agent runs when the group empties; children copy it."},
    Cftype{.name = "release_agent",
           .version = CgroupVersion::kV1,
           .placement = Placement::kOnlyOnRoot,
           .show = show_release_agent,
           .store = store_release_agent,
           .write_max_bytes = 4095,
           .doc = "Path of the program for empty groups; on a plain mount nothing is run."},
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v1_core_files() { return kFiles; }

}  // namespace memcgfs::interface
