// SPDX-License-Identifier: MIT
#include "memcgfs/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace memcgfs::detail {

void assertion_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "memcgfs: %s:%d: assertion failed: %s\n", file, line, condition);
    std::abort();
}

}  // namespace memcgfs::detail
