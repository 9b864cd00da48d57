// SPDX-License-Identifier: MIT
//
// Files of hugetlb, for the sizes that x86 has (mm/hugetlb_cgroup.c). There is no hugetlb memory
// here, so that all usage is zero.
#include <array>

#include "interface/controller_files.h"
#include "interface/tables.h"

namespace memcgfs::interface {
namespace {

using engine::CgroupVersion;
using engine::Controller;
using engine::KernelVersion;

constexpr KernelVersion kReservations{5, 7};
constexpr KernelVersion kNumaStat{5, 17};

/// "No limit", in whole huge pages.
constexpr Pages most(std::size_t size) {
    const std::uint64_t huge = engine::kHugetlbSizes[size] / kPageSize;
    return Pages{kPageCounterMax.count() / huge * huge};
}

template <std::size_t kSize, bool kReserved>
Pages limit_of(const ShowContext& context) {
    const Pages max = state_of<&States::hugetlb>(context).max[kSize][kReserved ? 1 : 0];
    return std::min(max, context.group.is_root() ? kPageCounterMax : most(kSize));
}

template <std::size_t kSize, bool kReserved>
Result<vfs::StoreOutcome> store_limit(StoreContext& context, std::string_view text) {
    if (context.group.is_root()) {
        return Err(Errno::kEINVAL);
    }
    const std::string_view word = context.group.is_v2() ? "max" : "-1";
    const Pages wanted = MEMCGFS_TRY(parse_pages(text, word));
    const std::uint64_t huge = engine::kHugetlbSizes[kSize] / kPageSize;
    state_to_set<&States::hugetlb>(context).max[kSize][kReserved ? 1 : 0] =
        Pages{wanted.count() / huge * huge};
    return done();
}

template <std::size_t kSize, bool kReserved>
Result<void> show_v1_limit(const ShowContext& context, TextBuffer& out) {
    print_bytes(out, limit_of<kSize, kReserved>(context));
    return {};
}

template <std::size_t kSize, bool kReserved>
Result<void> show_v2_limit(const ShowContext& context, TextBuffer& out) {
    const Pages limit = limit_of<kSize, kReserved>(context);
    print_limit(out, limit == most(kSize) ? kPageCounterMax : limit);
    return {};
}

/// max_usage_in_bytes and failcnt: whatever is written sets them back.
Result<vfs::StoreOutcome> reset(StoreContext&, std::string_view) { return done(); }

Result<void> show_events(const ShowContext&, TextBuffer& out) {
    out.append("max 0\n");
    return {};
}

Result<void> show_numa_stat(const ShowContext& context, TextBuffer& out) {
    const auto line = [&](std::string_view name) {
        out.append(name);
        out.append("=0");
        for (engine::NodeId node = 0; node < context.engine.node_count(); node++) {
            out.print(" N{}=0", node);
        }
        out.append("\n");
    };
    line("total");
    if (!context.group.is_v2()) {
        line("hierarchical_total");
    }
    return {};
}

constexpr std::string_view kLimitDoc = "Limit of huge pages of this size.";
constexpr std::string_view kZeroDoc = "Zero: there are no such pages.";

constexpr Cftype row(CgroupVersion version, std::string_view name, ShowFunction show,
                     StoreFunction store, std::string_view doc = kZeroDoc) {
    return {
        .name = name,
        .version = version,
        .controller = Controller::kHugetlb,
        .placement = version == CgroupVersion::kV2 ? Placement::kNotOnRoot : Placement::kEverywhere,
        .show = show,
        .store = store,
        .fidelity = Fidelity::kStoredOnly,
        .doc = doc};
}

template <std::size_t kSize>
constexpr std::array<Cftype, 9> v1_files(std::array<std::string_view, 9> names) {
    constexpr auto kV1 = CgroupVersion::kV1;
    return {row(kV1, names[0], show_v1_limit<kSize, false>, store_limit<kSize, false>, kLimitDoc),
            since(row(kV1, names[1], show_v1_limit<kSize, true>, store_limit<kSize, true>,
                      kLimitDoc),
                  kReservations),
            row(kV1, names[2], show_constant<0>, nullptr),
            since(row(kV1, names[3], show_constant<0>, nullptr), kReservations),
            row(kV1, names[4], show_constant<0>, reset),
            since(row(kV1, names[5], show_constant<0>, reset), kReservations),
            row(kV1, names[6], show_constant<0>, reset),
            since(row(kV1, names[7], show_constant<0>, reset), kReservations),
            since(row(kV1, names[8], show_numa_stat, nullptr), kNumaStat)};
}

template <std::size_t kSize>
constexpr std::array<Cftype, 7> v2_files(std::array<std::string_view, 7> names) {
    constexpr auto kV2 = CgroupVersion::kV2;
    return {row(kV2, names[0], show_v2_limit<kSize, false>, store_limit<kSize, false>, kLimitDoc),
            since(row(kV2, names[1], show_v2_limit<kSize, true>, store_limit<kSize, true>,
                      kLimitDoc),
                  kReservations),
            row(kV2, names[2], show_constant<0>, nullptr),
            since(row(kV2, names[3], show_constant<0>, nullptr), kReservations),
            row(kV2, names[4], show_events, nullptr),
            row(kV2, names[5], show_events, nullptr),
            since(row(kV2, names[6], show_numa_stat, nullptr), kNumaStat)};
}

template <std::size_t kCount>
constexpr std::array<Cftype, 2 * kCount> join(const std::array<Cftype, kCount>& first,
                                              const std::array<Cftype, kCount>& second) {
    std::array<Cftype, 2 * kCount> all{};
    std::copy(first.begin(), first.end(), all.begin());
    std::copy(second.begin(), second.end(), all.begin() + kCount);
    return all;
}

constexpr auto kV1Files =
    join(v1_files<0>({"hugetlb.1GB.limit_in_bytes", "hugetlb.1GB.rsvd.limit_in_bytes",
                      "hugetlb.1GB.usage_in_bytes", "hugetlb.1GB.rsvd.usage_in_bytes",
                      "hugetlb.1GB.max_usage_in_bytes", "hugetlb.1GB.rsvd.max_usage_in_bytes",
                      "hugetlb.1GB.failcnt", "hugetlb.1GB.rsvd.failcnt", "hugetlb.1GB.numa_stat"}),
         v1_files<1>({"hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.rsvd.limit_in_bytes",
                      "hugetlb.2MB.usage_in_bytes", "hugetlb.2MB.rsvd.usage_in_bytes",
                      "hugetlb.2MB.max_usage_in_bytes", "hugetlb.2MB.rsvd.max_usage_in_bytes",
                      "hugetlb.2MB.failcnt", "hugetlb.2MB.rsvd.failcnt", "hugetlb.2MB.numa_stat"}));
static_assert(detail::table_is_sound(kV1Files));

constexpr auto kV2Files =
    join(v2_files<0>({"hugetlb.1GB.max", "hugetlb.1GB.rsvd.max", "hugetlb.1GB.current",
                      "hugetlb.1GB.rsvd.current", "hugetlb.1GB.events", "hugetlb.1GB.events.local",
                      "hugetlb.1GB.numa_stat"}),
         v2_files<1>({"hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "hugetlb.2MB.current",
                      "hugetlb.2MB.rsvd.current", "hugetlb.2MB.events", "hugetlb.2MB.events.local",
                      "hugetlb.2MB.numa_stat"}));
static_assert(detail::table_is_sound(kV2Files));

}  // namespace

std::span<const Cftype> v1_hugetlb_files() { return kV1Files; }
std::span<const Cftype> v2_hugetlb_files() { return kV2Files; }

}  // namespace memcgfs::interface
