// SPDX-License-Identifier: MIT
//
// Files of the v1 freezer (kernel/cgroup/legacy_freezer.c).
#include <array>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;

bool parent_freezes(const ShowContext& context) {
    return context.engine.frozen(*context.group.parent);
}

/// Stopping takes no time here, so that nobody is ever seen FREEZING.
Result<void> show_state(const ShowContext& context, TextBuffer& out) {
    out.append(context.engine.frozen(context.group) ? "FROZEN\n" : "THAWED\n");
    return {};
}

Result<vfs::StoreOutcome> store_state(StoreContext& context, std::string_view text) {
    text = strip(text);
    if (text != "FROZEN" && text != "THAWED") {
        return Err(Errno::kEINVAL);
    }
    context.engine.set_freeze(context.group, text == "FROZEN");
    return done();
}

Result<void> show_self(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", context.group.freeze);
    return {};
}

Result<void> show_parent(const ShowContext& context, TextBuffer& out) {
    out.print("{:d}\n", parent_freezes(context));
    return {};
}

constexpr std::array kFiles = {
    Cftype{.name = "freezer.state",
           .version = CgroupVersion::kV1,
           .controller = Controller::kFreezer,
           .placement = Placement::kNotOnRoot,
           .show = show_state,
           .store = store_state,
           .refresh = Refresh::kOnStore,
           .doc = "FROZEN or THAWED; members of a frozen group are stopped."},
    Cftype{.name = "freezer.self_freezing",
           .version = CgroupVersion::kV1,
           .controller = Controller::kFreezer,
           .placement = Placement::kNotOnRoot,
           .show = show_self,
           .doc = "1 if the group itself was told to freeze."},
    Cftype{.name = "freezer.parent_freezing",
           .version = CgroupVersion::kV1,
           .controller = Controller::kFreezer,
           .placement = Placement::kNotOnRoot,
           .show = show_parent,
           .doc = "1 if a group above was."},
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v1_freezer_files() { return kFiles; }

}  // namespace memcgfs::interface
