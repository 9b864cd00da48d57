// SPDX-License-Identifier: MIT
//
// The pool of compressed pages as the engine keeps it; what happens to it is in zswap.h.
#pragma once

#include <map>

#include "engine/zswap_lru.h"
#include "memcgfs/base/units.h"

namespace memcgfs::engine {

struct ZswapPool {
    Pages stored{};
    Bytes size{};
    bool full = false;  ///< it has been, and has not fallen to the accept threshold since
    bool worker_running = false;
    MemcgId last_shrunk;  ///< where the worker's round over the groups has got to
    std::map<std::uint64_t, ZswapLru> lrus;  ///< by group, where the profile has them
};

}  // namespace memcgfs::engine
