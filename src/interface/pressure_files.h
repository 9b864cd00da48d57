// SPDX-License-Identifier: MIT
//
// io.pressure, memory.pressure and cpu.pressure (kernel/sched/psi.c, 4.20 to 6.12). No pressure
// is measured: averages are 0 and triggers never fire. Engine lock held.
#pragma once

#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

Result<void> show_pressure(const ShowContext& context, TextBuffer& out);
/// "some|full THRESHOLD_US WINDOW_US": one trigger for each open file, else EBUSY. EINVAL.
Result<vfs::StoreOutcome> store_pressure_trigger(StoreContext& context, std::string_view text);

}  // namespace memcgfs::interface
