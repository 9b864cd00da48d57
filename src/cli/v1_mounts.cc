// SPDX-License-Identifier: MIT
#include "cli/v1_mounts.h"

#include "cli/tree_roots.h"

namespace memcgfs::cli {

using engine::Controller;

std::vector<V1Mount> v1_mounts(const engine::Profile& profile, engine::Layout layout) {
    if (layout == engine::Layout::kV2 || layout == engine::Layout::kNone) {
        return {};
    }
    const auto of = [](auto... controllers) {
        return engine::HierarchySpec{.controllers = (mask_of(controllers) | ...), .name = {}};
    };
    // In systemd's order the first is its own; it takes the others as they come.
    std::vector<V1Mount> mounts = {
        {"systemd", {.controllers = 0, .name = "systemd"}, {}},
        {"memory", of(Controller::kMemory), {}},
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
    };
    std::erase_if(mounts, [&profile](const V1Mount& mount) {
        return (mount.spec.controllers & ~v1_controllers(profile)) != 0;
    });
    return mounts;
}

runner::TreeLayout parts_of(const engine::Profile& profile, engine::Layout layout) {
    runner::TreeLayout parts;
    // The engine numbers v2 first, and the others as they are named to it.
    std::uint16_t next = 0;
    const std::string v2 = tree_name_of(engine::HierarchyId{next++});
    parts.no_mounts = layout == engine::Layout::kNone;
    if (layout == engine::Layout::kV2 || layout == engine::Layout::kHybrid) {
        parts.mounts.push_back({v2, layout == engine::Layout::kHybrid ? "unified" : ""});
    }
    for (const V1Mount& mount : v1_mounts(profile, layout)) {
        parts.mounts.push_back(
            {tree_name_of(engine::HierarchyId{next++}), std::string(mount.directory)});
        for (const std::string_view link : mount.links) {
            parts.links.emplace_back(link, mount.directory);
        }
    }
    return parts;
}

}  // namespace memcgfs::cli
