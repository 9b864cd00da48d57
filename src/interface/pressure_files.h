// SPDX-License-Identifier: MIT
//
// io.pressure, memory.pressure and cpu.pressure (kernel/sched/psi.c, 4.20 to 6.12). Memory's is
// measured; the others read 0 and their triggers never fire. Engine lock held.
#pragma once

#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

Result<void> show_memory_pressure(const ShowContext& context, TextBuffer& out);
Result<void> show_no_pressure(const ShowContext& context, TextBuffer& out);
/// "some|full THRESHOLD_US WINDOW_US": one trigger for each open file, else EBUSY. EINVAL.
Result<vfs::StoreOutcome> store_memory_trigger(StoreContext& context, std::string_view text);
Result<vfs::StoreOutcome> store_idle_trigger(StoreContext& context, std::string_view text);

}  // namespace memcgfs::interface
