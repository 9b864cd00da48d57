// SPDX-License-Identifier: MIT
//
// Signals that wait for a thread. Any thread may ask.
#pragma once

#include <cstdint>

namespace memcgfs::world {

/// Whether a signal that ends it waits for the thread (fatal_signal_pending), or it has gone.
bool has_fatal_signal(std::int32_t thread);

}  // namespace memcgfs::world
