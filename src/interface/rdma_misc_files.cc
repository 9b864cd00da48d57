// SPDX-License-Identifier: MIT
//
// Files of rdma and misc on a machine without an RDMA device and without a resource that misc
// knows (kernel/cgroup/rdma.c, misc.c): everything is empty, and there is nothing to limit.
#include <array>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::KernelVersion;

constexpr KernelVersion kMiscEvents{5, 16};
constexpr KernelVersion kMiscPeaks{6, 11};

/// "hca_handle=5": a resource, and a number or a beginning of "max".
Result<void> check_resource(std::string_view token) {
    const std::size_t equals = token.find('=');
    const std::string_view name = token.substr(0, equals);
    if (equals == std::string_view::npos || (name != "hca_handle" && name != "hca_object")) {
        return Err(Errno::kEINVAL);
    }
    const std::string_view value = token.substr(equals + 1);
    const bool digits = parse_digits(value).length == value.size();
    const auto number = parse_u32(value);
    return (digits && number.ok() && *number <= INT32_MAX) ||
                   std::string_view("max").starts_with(value)
               ? Result<void>{}
               : Err(Errno::kEINVAL);
}

Result<vfs::StoreOutcome> store_rdma_max(StoreContext&, std::string_view text) {
    text = strip(text);
    take_word(text);
    while (!text.empty()) {
        MEMCGFS_TRY(check_resource(take_word(text)));
    }
    return Err(Errno::kENODEV);
}

Result<vfs::StoreOutcome> store_misc_max(StoreContext&, std::string_view) {
    return Err(Errno::kEINVAL);
}

struct Place {
    Placement placement = Placement::kNotOnRoot;
    KernelVersion since = kSinceEver;
    KernelVersion until = kForEver;
};

constexpr Cftype row(CgroupVersion version, Controller controller, std::string_view name,
                     StoreFunction store, Place place) {
    return {.name = name,
            .version = version,
            .controller = controller,
            .placement = place.placement,
            .since = place.since,
            .until = place.until,
            .show = show_nothing,
            .store = store,
            .fidelity = Fidelity::kAccounted,
            .doc = "Empty: the machine has no such resource."};
}

constexpr std::array<Cftype, 9> files(CgroupVersion version) {
    constexpr auto kMisc = Controller::kMisc;
    constexpr auto kRdma = Controller::kRdma;
    return {
        row(version, kRdma, "rdma.max", store_rdma_max, {}),
        row(version, kRdma, "rdma.current", nullptr, {}),
        row(version, kMisc, "misc.max", store_misc_max, {}),
        row(version, kMisc, "misc.current", nullptr, {.until = kMiscPeaks}),
        row(version, kMisc, "misc.current", nullptr,
            {.placement = Placement::kEverywhere, .since = kMiscPeaks}),
        row(version, kMisc, "misc.peak", nullptr,
            {.placement = Placement::kEverywhere, .since = kMiscPeaks}),
        row(version, kMisc, "misc.capacity", nullptr, {.placement = Placement::kOnlyOnRoot}),
        row(version, kMisc, "misc.events", nullptr, {.since = kMiscEvents}),
        row(version, kMisc, "misc.events.local", nullptr, {.since = kMiscPeaks}),
    };
}

constexpr auto kV1Files = files(CgroupVersion::kV1);
constexpr auto kV2Files = files(CgroupVersion::kV2);
static_assert(detail::table_is_sound(kV1Files));
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> v1_rdma_misc_files() { return kV1Files; }
std::span<const Cftype> v2_rdma_misc_files() { return kV2Files; }

}  // namespace memcgfs::interface
