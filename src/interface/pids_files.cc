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
    state_to_set<&States::pids>(context).max = max;
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

/// No fork is ever refused.
Result<void> show_events(const ShowContext&, TextBuffer& out) {
    out.append("max 0\n");
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

constexpr Cftype max_file(CgroupVersion version) {
    Cftype file = row(version);
    file.name = "pids.max";
    file.show = show_max;
    file.store = store_max;
    file.fidelity = Fidelity::kStoredOnly;
    file.doc = "How many processes and threads there may be; no fork is refused.";
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

constexpr Cftype events_file(CgroupVersion version, std::string_view name) {
    Cftype file = reader(version, name, show_events, "Zero: no fork is refused.");
    file.fidelity = Fidelity::kStoredOnly;
    return file;
}

constexpr std::array<Cftype, 5> files(CgroupVersion version) {
    return {
        max_file(version),
        reader(version, "pids.current", show_current,
               "Threads of the processes in the group and below."),
        since(reader(version, "pids.peak", show_peak,
                     "The most that pids.current has been when someone looked."),
              kPeak),
        events_file(version, "pids.events"),
        since(events_file(version, "pids.events.local"), kEventsOfLevel),
    };
}

constexpr auto kV1Files = files(CgroupVersion::kV1);
constexpr auto kV2Files = files(CgroupVersion::kV2);
static_assert(detail::table_is_sound(kV1Files));
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> v1_pids_files() { return kV1Files; }
std::span<const Cftype> v2_pids_files() { return kV2Files; }

}  // namespace memcgfs::interface
