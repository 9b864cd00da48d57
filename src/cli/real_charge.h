// SPDX-License-Identifier: MIT
//
// What the control channel tells of processes that are no puppets.
#pragma once

#include <cstdint>
#include <optional>

#include "memcgfs/interface/puppet_control.h"
#include "memcgfs/meter/follower.h"

namespace memcgfs::cli {

/// How a real process is charged; nothing for one that is not, or if nobody follows any.
inline std::optional<interface::PuppetControl::Charged> charge_of(const meter::Follower* follower,
                                                                  std::int32_t pid) {
    const auto charge = follower != nullptr ? follower->charge_of(pid) : std::nullopt;
    if (!charge) {
        return std::nullopt;
    }
    using enum interface::ChargeTier;
    return interface::PuppetControl::Charged{charge->gated     ? kExact
                                             : charge->traced  ? kEvent
                                             : charge->counted ? kEventUntraced
                                                               : kTimer,
                                             charge->pages};
}

}  // namespace memcgfs::cli
