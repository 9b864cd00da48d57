// SPDX-License-Identifier: MIT
#include "cli/state_text.h"

#include <algorithm>

namespace memcgfs::cli {
namespace {

constexpr std::string_view kState = "\nState:\t";
constexpr std::string_view kTracer = "\nTracerPid:\t";

/// Where the letter is. A name may have anything in it, so a status is told by how it begins, and
/// the name in a stat by its last parenthesis.
std::size_t place_of_state(std::string_view text) {
    if (text.starts_with("Name:\t")) {
        const std::size_t line = text.find(kState);
        return line == std::string_view::npos ? line : line + kState.size();
    }
    const std::size_t name_end = text.rfind(") ");
    return name_end == std::string_view::npos ? name_end : name_end + 2;
}

/// Puts `value` in the place of what is after a label in a status, up to the line's end.
void set_line(std::string& text, std::string_view label, std::string_view value) {
    const std::size_t at = text.find(label);
    if (at != std::string::npos) {
        const std::size_t begin = at + label.size();
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        text.replace(begin, end - begin, value);
    }
}

}  // namespace

char state_in(std::string_view text) {
    const std::size_t place = place_of_state(text);
    return place < text.size() ? text[place] : '\0';
}

std::string with_state(std::string text, char state) {
    const std::size_t place = place_of_state(text);
    if (place >= text.size()) {
        return text;
    }
    text[place] = state;
    if (text.starts_with("Name:\t")) {
        // task_state_array, fs/proc/array.c, 6.1.
        set_line(text, kState, state == 'D' ? "D (disk sleep)" : "R (running)");
        set_line(text, kTracer, "0");
    }
    return text;
}

}  // namespace memcgfs::cli
