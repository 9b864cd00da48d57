// SPDX-License-Identifier: MIT
//
// The tables of files, each in creation order; all_files() joins them.
#pragma once

#include <span>

#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

std::span<const Cftype> v1_core_files();
std::span<const Cftype> v1_memory_files();
std::span<const Cftype> alibaba_v1_files();
std::span<const Cftype> v1_cpu_files();
std::span<const Cftype> v1_cpuset_files();
std::span<const Cftype> v1_devices_files();
std::span<const Cftype> v1_freezer_files();
std::span<const Cftype> v1_hugetlb_files();
std::span<const Cftype> v1_io_files();
std::span<const Cftype> v1_net_files();
std::span<const Cftype> v1_pids_files();
std::span<const Cftype> v1_rdma_misc_files();
std::span<const Cftype> v2_core_files();
std::span<const Cftype> v2_cpu_files();
std::span<const Cftype> v2_cpuset_files();
std::span<const Cftype> v2_hugetlb_files();
std::span<const Cftype> v2_io_cost_files();
std::span<const Cftype> v2_io_files();
std::span<const Cftype> v2_pids_files();
std::span<const Cftype> v2_rdma_misc_files();
std::span<const Cftype> v2_memory_files();
std::span<const Cftype> alibaba_v2_files();

}  // namespace memcgfs::interface
