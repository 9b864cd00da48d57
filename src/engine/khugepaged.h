// SPDX-License-Identifier: MIT
//
// The background thread that makes huge pages of small ones (mm/khugepaged.c, 6.1 and 6.12; facts
// measured on both), as Debian sets it: every 10 s it looks at 8 blocks of 2 MiB, region after
// region and process after process. It runs while a process lives that has had a region in which
// huge pages are allowed. Shared memory gets none.
//
// Regions that several tasks map are left alone. The kernel looks at single pages, and takes a
// block of which up to 256 are shared.
#pragma once

#include "engine/state.h"

namespace memcgfs::engine {

/// The task has a region that may get huge pages: its memory is looked at from now on.
void khugepaged_enter(Engine::State& state, Task& task);

/// The task ends (khugepaged_exit).
void khugepaged_exit(Engine::State& state, Task& task);

}  // namespace memcgfs::engine
