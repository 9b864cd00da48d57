// SPDX-License-Identifier: MIT
//
// memory.stat and memory.numa_stat of both hierarchies, as tables of lines
// (mm/memcontrol.c and mm/memcontrol-v1.c, 4.19 to 6.12).
//
// Programs read these files by position, so order and presence are per version. Engine lock held.
#pragma once

#include "memcgfs/interface/cftype.h"

namespace memcgfs::interface {

Result<void> show_v1_stat(const ShowContext& context, TextBuffer& out);
Result<void> show_v1_numa_stat(const ShowContext& context, TextBuffer& out);
Result<void> show_v2_stat(const ShowContext& context, TextBuffer& out);
Result<void> show_v2_numa_stat(const ShowContext& context, TextBuffer& out);

}  // namespace memcgfs::interface
