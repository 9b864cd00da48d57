// SPDX-License-Identifier: MIT
//
// Which devices a group's members may open, as a list of exceptions from a rule
// (security/device_cgroup.c, 6.1). Nothing is enforced.
#include <algorithm>

#include "engine/state.h"

namespace memcgfs::engine {

namespace {

DevicesState& set_of(Cgroup& group) { return group.states.set<&ControllerStates::devices>(); }
DevicesState get_of(const Cgroup& group) { return group.states.get<&ControllerStates::devices>(); }

void add(DevicesState& devices, const DeviceRule& rule) {
    for (DeviceRule& known : devices.exceptions) {
        if (known.same_device(rule)) {
            known.access |= rule.access;
            return;
        }
    }
    devices.exceptions.push_back(rule);
}

void remove(DevicesState& devices, const DeviceRule& rule) {
    for (DeviceRule& known : devices.exceptions) {
        if (known.same_device(rule)) {
            known.access &= static_cast<std::uint8_t>(~rule.access);
        }
    }
    std::erase_if(devices.exceptions, [](const DeviceRule& known) { return known.access == 0; });
}

/// One exception covers all of the rule.
bool covers(const DevicesState& devices, const DeviceRule& rule) {
    return std::any_of(devices.exceptions.begin(), devices.exceptions.end(),
                       [&rule](const DeviceRule& known) {
                           return known.type == rule.type &&
                                  (known.major == DeviceRule::kAny || known.major == rule.major) &&
                                  (known.minor == DeviceRule::kAny || known.minor == rule.minor) &&
                                  (rule.access & ~known.access) == 0;
                       });
}

/// One exception and the rule have a device and an access in common.
bool touches(const DevicesState& devices, const DeviceRule& rule) {
    const auto meet = [](std::uint32_t a, std::uint32_t b) {
        return a == DeviceRule::kAny || b == DeviceRule::kAny || a == b;
    };
    return std::any_of(
        devices.exceptions.begin(), devices.exceptions.end(), [&](const DeviceRule& known) {
            return known.type == rule.type && meet(known.major, rule.major) &&
                   meet(known.minor, rule.minor) && (rule.access & known.access) != 0;
        });
}

bool parent_permits(const Cgroup& group, const DevicesState& own, const DeviceRule& rule) {
    if (group.is_root()) {
        return true;
    }
    const DevicesState above = get_of(*group.parent);
    if (!above.allows) {
        return covers(above, rule);
    }
    return own.allows || !touches(above, rule);
}

/// Takes away below what has been denied, and what is no longer permitted from above.
void hand_down(Cgroup& group, bool allows, const DeviceRule& rule) {
    for (Cgroup* child : group.children) {
        DevicesState& devices = set_of(*child);
        if (allows && devices.allows) {
            add(devices, rule);
        } else {
            remove(devices, rule);
        }
        std::erase_if(devices.exceptions, [&](const DeviceRule& known) {
            return !parent_permits(*child, devices, known);
        });
        hand_down(*child, allows, rule);
    }
}

}  // namespace

Result<void> Engine::allow_all_devices(Cgroup& group) {
    if (!group.children.empty()) {
        return Err(Errno::kEINVAL);
    }
    const DevicesState above = group.is_root() ? DevicesState{} : get_of(*group.parent);
    if (!above.allows) {
        return Err(Errno::kEPERM);
    }
    set_of(group) = above;
    return {};
}

Result<void> Engine::deny_all_devices(Cgroup& group) {
    if (!group.children.empty()) {
        return Err(Errno::kEINVAL);
    }
    set_of(group) = {.allows = false, .exceptions = {}};
    return {};
}

Result<void> Engine::allow_device(Cgroup& group, const DeviceRule& rule) {
    DevicesState devices = get_of(group);
    if (devices.allows) {
        if (!group.is_root() && touches(get_of(*group.parent), rule)) {
            return Err(Errno::kEPERM);
        }
        remove(devices, rule);
    } else {
        if (!parent_permits(group, devices, rule)) {
            return Err(Errno::kEPERM);
        }
        add(devices, rule);
    }
    set_of(group) = devices;
    return {};
}

void Engine::deny_device(Cgroup& group, const DeviceRule& rule) {
    DevicesState& devices = set_of(group);
    if (devices.allows) {
        add(devices, rule);
    } else {
        remove(devices, rule);
    }
    hand_down(group, devices.allows, rule);
}

}  // namespace memcgfs::engine
