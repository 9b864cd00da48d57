// SPDX-License-Identifier: MIT
//
// A group's statistics as the OOM report in the kernel log has them.
#pragma once

#include "memcgfs/base/text_buffer.h"
#include "memcgfs/engine/memcg.h"
#include "memcgfs/engine/profile.h"

namespace memcgfs::interface {

/// The lines of v2's memory.stat, in both hierarchies (memory_stat_format, 5.10 to 6.12). For
/// Engine::Environment::print_stat. Engine lock held.
void print_oom_stat(const engine::Profile& profile, const engine::Memcg& memcg, TextBuffer& out);

}  // namespace memcgfs::interface
