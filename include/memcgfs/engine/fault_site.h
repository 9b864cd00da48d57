// SPDX-License-Identifier: MIT
//
// Places where a simulation may let the engine's luck run out (CONFIG_FAULT_INJECTION's idea).
//
// A site says what goes wrong, not what follows: the engine answers as it does when the same
// happens for a natural reason. Without an injector nothing ever fires. Engine lock held.
#pragma once

#include <cstdint>

namespace memcgfs::engine {

enum class FaultSite : std::uint8_t {
    kChargeFails,  ///< a fault's charge ends with ENOMEM before it is tried
    kSwapFull,     ///< the device has no slot for this run of pages
    kSlowDevice,   ///< this transfer to or from swap takes a second
    kCount,
};

class FaultInjector {
public:
    virtual ~FaultInjector() = default;
    /// Asked once each time execution passes the site. Must not call back.
    virtual bool fires(FaultSite site) = 0;
    /// False if the site never fires: ways around it may then be taken.
    virtual bool may_fire(FaultSite site) const = 0;
};

}  // namespace memcgfs::engine
