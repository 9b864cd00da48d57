// SPDX-License-Identifier: MIT
#include "cli/v1_mounts.h"

namespace memcgfs::cli {

using engine::Controller;

std::vector<V1Mount> v1_mounts(const engine::Profile& profile, engine::Layout layout) {
    if (layout == engine::Layout::kV2) {
        return {};
    }
    const auto of = [](auto... controllers) {
        return engine::HierarchySpec{.controllers = (mask_of(controllers) | ...), .name = {}};
    };
    std::vector<V1Mount> mounts = {
        {"cpu,cpuacct", of(Controller::kCpu, Controller::kCpuacct), {"cpu", "cpuacct"}},
        {"cpuset", of(Controller::kCpuset), {}},
        {"freezer", of(Controller::kFreezer), {}},
        {"pids", of(Controller::kPids), {}},
        {"devices", of(Controller::kDevices), {}},
        {"blkio", of(Controller::kIo), {}},
        {"net_cls,net_prio",
         of(Controller::kNetCls, Controller::kNetPrio),
         {"net_cls", "net_prio"}},
        {"perf_event", of(Controller::kPerfEvent), {}},
        {"hugetlb", of(Controller::kHugetlb), {}},
        {"rdma", of(Controller::kRdma), {}},
        {"misc", of(Controller::kMisc), {}},
        {"systemd", {.controllers = 0, .name = "systemd"}, {}},
    };
    std::erase_if(mounts, [&profile](const V1Mount& mount) {
        return (mount.spec.controllers & ~kernel_controllers(profile)) != 0;
    });
    return mounts;
}

}  // namespace memcgfs::cli
