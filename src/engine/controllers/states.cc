// SPDX-License-Identifier: MIT
#include "engine/controllers/states.h"

namespace memcgfs::engine {

void ControllerStates::forget(ControllerMask controllers) {
    const auto drop = [controllers](Controller controller, auto& slot) {
        if ((controllers & mask_of(controller)) != 0) {
            slot.reset();
        }
    };
    drop(Controller::kPids, pids);
    drop(Controller::kCpu, cpu);
    drop(Controller::kCpuset, cpuset);
    drop(Controller::kDevices, devices);
    drop(Controller::kIo, io);
    drop(Controller::kHugetlb, hugetlb);
    drop(Controller::kNetCls, net);
}

void inherit_states(Cgroup& group) {
    const Cgroup& parent = *group.parent;
    if (const auto* devices = parent.states.find<&ControllerStates::devices>()) {
        group.states.set<&ControllerStates::devices>() = *devices;
    }
    if (const auto* net = parent.states.find<&ControllerStates::net>()) {
        group.states.set<&ControllerStates::net>() = *net;
    }
    inherit_cpuset(group);
}

}  // namespace memcgfs::engine
