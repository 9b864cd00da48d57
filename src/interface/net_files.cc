// SPDX-License-Identifier: MIT
//
// Files of net_cls and net_prio (net/core/netclassid_cgroup.c, netprio_cgroup.c).
#include <algorithm>
#include <array>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;

Result<void> show_classid(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", state_of<&States::net>(context).classid);
    return {};
}

Result<vfs::StoreOutcome> store_classid(StoreContext& context, std::string_view text) {
    const std::uint64_t classid = MEMCGFS_TRY(parse_u64(text));
    state_to_set<&States::net>(context).classid = static_cast<std::uint32_t>(classid);
    return done();
}

std::uint64_t groups_before(const engine::Cgroup& from, const engine::Cgroup& group) {
    std::uint64_t count = from.id.value < group.id.value ? 1 : 0;
    for (const engine::Cgroup* child : from.children) {
        count += groups_before(*child, group);
    }
    return count;
}

/// The root's is 1, and no two groups have the same.
Result<void> show_prioidx(const ShowContext& context, TextBuffer& out) {
    out.print("{}\n", 1 + groups_before(*context.group.hierarchy->root, context.group));
    return {};
}

/// The machine's network interfaces: no more than every machine has.
constexpr std::array<std::string_view, 1> kInterfaces = {"lo"};

Result<void> show_priorities(const ShowContext& context, TextBuffer& out) {
    const engine::NetState net = state_of<&States::net>(context);
    for (const std::string_view name : kInterfaces) {
        const auto found = net.priorities.find(std::string(name));
        out.print("{} {}\n", name, found != net.priorities.end() ? found->second : 0);
    }
    return {};
}

Result<vfs::StoreOutcome> store_priority(StoreContext& context, std::string_view text) {
    text = skip_spaces(text);
    const auto end = std::find_if(text.begin(), text.end(), is_kernel_space);
    const std::string name(text.begin(), end);
    text = skip_spaces(text.substr(name.size()));
    const NumberPrefix priority = parse_decimal_digits(text);
    if (priority.length == 0) {
        return Err(Errno::kEINVAL);
    }
    if (std::find(kInterfaces.begin(), kInterfaces.end(), name) == kInterfaces.end()) {
        return Err(Errno::kENODEV);
    }
    state_to_set<&States::net>(context).priorities[name] =
        static_cast<std::uint32_t>(priority.value);
    return done();
}

constexpr std::array kFiles = {
    Cftype{.name = "net_cls.classid",
           .version = CgroupVersion::kV1,
           .controller = Controller::kNetCls,
           .show = show_classid,
           .store = store_classid,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "A class for packets; children begin with it."},
    Cftype{.name = "net_prio.prioidx",
           .version = CgroupVersion::kV1,
           .controller = Controller::kNetPrio,
           .show = show_prioidx,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "The kernel's own number of the group."},
    Cftype{.name = "net_prio.ifpriomap",
           .version = CgroupVersion::kV1,
           .controller = Controller::kNetPrio,
           .show = show_priorities,
           .store = store_priority,
           .fidelity = Fidelity::kStoredOnly,
           .doc = "A priority for each network interface, of which there is only lo."},
};
static_assert(detail::table_is_sound(kFiles));

}  // namespace

std::span<const Cftype> v1_net_files() { return kFiles; }

}  // namespace memcgfs::interface
