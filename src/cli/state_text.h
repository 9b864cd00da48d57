// SPDX-License-Identifier: MIT
//
// What /proc/PID/stat and status (proc(5)) say of the state of a process in a run that memcgfs has
// stopped, as Linux would have it. Text in, text out.
#pragma once

#include <string>
#include <string_view>

namespace memcgfs::cli {

/// The one letter, as the kernel has it; '\0' if the text is neither file's.
char state_in(std::string_view text);

/// The text with another state: 'D', it sleeps, or 'R', it runs. A status has no tracer besides.
std::string with_state(std::string text, char state);

}  // namespace memcgfs::cli
