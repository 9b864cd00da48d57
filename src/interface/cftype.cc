// SPDX-License-Identifier: MIT
#include "memcgfs/interface/cftype.h"

#include "interface/tables.h"

namespace memcgfs::interface {

bool exists_in(const Cftype& row, const engine::Profile& profile) {
    return (row.version == engine::CgroupVersion::kV1 || engine::has_v2(profile)) &&
           row.since <= profile.version && profile.version < row.until &&
           (!row.vendor.has_value() || *row.vendor == profile.vendor) &&
           (row.present == nullptr || row.present(profile));
}

bool exists_in(const Cftype& row, const DirectoryKind& directory) {
    if (row.version != directory.version) {
        return false;
    }
    if ((row.placement == Placement::kNotOnRoot && directory.root) ||
        (row.placement == Placement::kOnlyOnRoot && !directory.root)) {
        return false;
    }
    if (row.controller && (directory.controllers & mask_of(*row.controller)) == 0) {
        return false;
    }
    switch (row.part) {
        case Part::kCore:
            return true;
        case Part::kPressure:
            return directory.pressure;
    }
    MEMCGFS_UNREACHABLE();
}

std::vector<const Cftype*> all_files() {
    std::vector<const Cftype*> all;
    // The controllers of v2 in the kernel's order, which one group's files follow.
    for (const auto table :
         {v1_core_files(),      v1_memory_files(),  alibaba_v1_files(), v1_cpu_files(),
          v1_cpuset_files(),    v1_freezer_files(), v1_pids_files(),    v1_devices_files(),
          v1_io_files(),        v1_net_files(),     v1_hugetlb_files(), v1_rdma_misc_files(),
          v2_core_files(),      v2_cpuset_files(),  v2_cpu_files(),     v2_io_files(),
          v2_memory_files(),    alibaba_v2_files(), v2_hugetlb_files(), v2_pids_files(),
          v2_rdma_misc_files(), v2_io_cost_files()}) {
        for (const Cftype& row : table) {
            all.push_back(&row);
        }
    }
    return all;
}

}  // namespace memcgfs::interface
