// SPDX-License-Identifier: MIT
//
// Files of the pids controller, the same in v1 and v2 (kernel/cgroup/pids.c).
#include <array>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::KernelVersion;

constexpr KernelVersion kPeak{6, 1};
constexpr KernelVersion kEventsOfLevel{6, 11};

Result<void> show_max(const ShowContext& context, TextBuffer& out) {
    const std::uint64_t max = state_of<&States::pids>(context).max;
    if (max >= engine::kPidsUnlimited) {
        out.append("max\n");
    } else {
        out.print("{}\n", max);
    }
    return {};
}

Result<vfs::StoreOutcome> store_max(StoreContext& context, std::string_view text) {
    text = strip(text);
    std::uint64_t max = engine::kPidsUnlimited;
    if (text != "max") {
        const std::int64_t number = MEMCGFS_TRY(parse_s64(text));
        if (number < 0 || static_cast<std::uint64_t>(number) >= engine::kPidsUnlimited) {
            return Err(Errno::kEINVAL);
        }
        max = static_cast<std::uint64_t>(number);
    }
    context.engine.set_pids_max(context.group, max);
    return done();
}

Result<void> show_current(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", context.engine.pids_current(context.group));
    return {};
}

Result<void> show_peak(const ShowContext& context, TextBuffer& out) {
    context.engine.pids_current(context.group);
    out.print("{}\n", state_of<&States::pids>(context).peak);
    return {};
}

Result<void> show_events(const ShowContext& context, TextBuffer& out) {
    out.print("max {}\n", context.engine.refused_forks(context.group).events);
    return {};
}

Result<void> show_events_local(const ShowContext& context, TextBuffer& out) {
    out.print("max {}\n", context.engine.refused_forks(context.group).local);
    return {};
}

constexpr Cftype row(CgroupVersion version) {
    return {.name = {},
            .version = version,
            .controller = Controller::kPids,
            .placement = Placement::kNotOnRoot,
            .refresh = Refresh::kOnShow,
            .doc = {}};
}

/// DEVIATION(forks-of-a-mount): forks are refused in a run, whose processes' calls can be answered.
constexpr Cftype max_file(CgroupVersion version) {
    Cftype file = row(version);
    file.name = "pids.max";
    file.show = show_max;
    file.store = store_max;
    file.doc = "How many processes and threads there may be; on a plain mount no fork is refused.";
    return file;
}

constexpr Cftype reader(CgroupVersion version, std::string_view name, ShowFunction show,
                        std::string_view doc) {
    Cftype file = row(version);
    file.name = name;
    file.show = show;
    file.doc = doc;
    return file;
}

constexpr Cftype announced(Cftype file, engine::NotifyFile as) {
    file.announced_as = as;
    file.refresh = Refresh::kNever;
    return file;
}

constexpr Cftype current_file(CgroupVersion version) {
    return reader(version, "pids.current", show_current,
                  "Threads of the processes in the group and below.");
}

constexpr Cftype peak_file(CgroupVersion version) {
    return since(reader(version, "pids.peak", show_peak,
                        "The most that pids.current has been when someone looked or forked."),
                 kPeak);
}

constexpr std::string_view kEventsDoc = "Forks that were refused, here and below.";

constexpr std::array kV1Files = {
    max_file(CgroupVersion::kV1),
    current_file(CgroupVersion::kV1),
    peak_file(CgroupVersion::kV1),
    reader(CgroupVersion::kV1, "pids.events", show_events, kEventsDoc),
};

constexpr std::array kV2Files = {
    max_file(CgroupVersion::kV2),
    current_file(CgroupVersion::kV2),
    peak_file(CgroupVersion::kV2),
    announced(reader(CgroupVersion::kV2, "pids.events", show_events, kEventsDoc),
              engine::NotifyFile::kPidsEvents),
    since(announced(reader(CgroupVersion::kV2, "pids.events.local", show_events_local,
                           "Forks that this group's own limit refused."),
                    engine::NotifyFile::kPidsEventsLocal),
          kEventsOfLevel),
};
static_assert(detail::table_is_sound(kV1Files));
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> v1_pids_files() { return kV1Files; }
std::span<const Cftype> v2_pids_files() { return kV2Files; }

}  // namespace memcgfs::interface
