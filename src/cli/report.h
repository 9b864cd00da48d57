// SPDX-License-Identifier: MIT
//
// What people are told on stderr: one sentence, once.
#pragma once

#include <string_view>

namespace memcgfs::cli {

/// "memcgfs: SENTENCE" on stderr; returns `exit_status`.
int fail(int exit_status, std::string_view sentence);

}  // namespace memcgfs::cli
