// SPDX-License-Identifier: MIT
//
// Controllers by name: cgroup.controllers and cgroup.subtree_control (kernel/cgroup/cgroup.c, 6.1;
// spec files.md B1), and as /proc names them (C1, C2). Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/engine/cgroup.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::interface {

/// perf_event is in every group without being asked for, and in no list: it has no bit.
inline constexpr std::string_view kImplicitController = "perf_event";

/// Empty for a controller that the kernel does not have on v2.
std::string_view controller_name(engine::Controller controller, const engine::Profile& profile);

/// The names in the kernel's order with single spaces and a newline; nothing for an empty mask.
std::string controller_line(engine::ControllerMask mask, const engine::Profile& profile);

struct KernelController {
    engine::Controller controller{};
    std::string_view v1_name;
};
/// The order of /proc/cgroups and of a line of /proc/PID/cgroup.
inline constexpr auto kKernelControllers = std::to_array<KernelController>({
    {engine::Controller::kCpuset, "cpuset"},
    {engine::Controller::kCpu, "cpu"},
    {engine::Controller::kCpuacct, "cpuacct"},
    {engine::Controller::kIo, "blkio"},
    {engine::Controller::kMemory, "memory"},
    {engine::Controller::kDevices, "devices"},
    {engine::Controller::kFreezer, "freezer"},
    {engine::Controller::kNetCls, "net_cls"},
    {engine::Controller::kPerfEvent, "perf_event"},
    {engine::Controller::kNetPrio, "net_prio"},
    {engine::Controller::kHugetlb, "hugetlb"},
    {engine::Controller::kPids, "pids"},
    {engine::Controller::kRdma, "rdma"},
    {engine::Controller::kMisc, "misc"},
});

struct SubtreeControlChange {
    engine::ControllerMask enable = 0;
    engine::ControllerMask disable = 0;
    bool enable_implicit = false;  ///< "+perf_event", which cannot be had
};

/// Tokens "+name" and "-name" separated by spaces; of one name the last token counts. EINVAL.
Result<SubtreeControlChange> parse_subtree_control(std::string_view text,
                                                   const engine::Profile& profile);

}  // namespace memcgfs::interface
