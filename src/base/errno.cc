// SPDX-License-Identifier: MIT
#include "memcgfs/base/errno.h"

#include <cstring>

namespace memcgfs {

std::string_view errno_name(Errno error) {
    const char* name = strerrorname_np(to_int(error));
    return name != nullptr ? name : "E?";
}

}  // namespace memcgfs
