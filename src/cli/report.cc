// SPDX-License-Identifier: MIT
#include "cli/report.h"

#include <fmt/format.h>

#include <cstdio>

namespace memcgfs::cli {

int fail(int exit_status, std::string_view sentence) {
    fmt::print(stderr, "memcgfs: {}\n", sentence);
    return exit_status;
}

}  // namespace memcgfs::cli
