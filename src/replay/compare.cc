// SPDX-License-Identifier: MIT
#include "memcgfs/replay/compare.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "memcgfs/replay/document.h"
#include "replay/shell_text.h"

namespace memcgfs::replay {
namespace {

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

std::size_t digits(std::string_view text) {
    return std::min(text.find_first_not_of("0123456789"), text.size());
}

/// "[1] 19157", "[1]+  Done   ./x"
bool is_job_notice(std::string_view line) {
    if (!line.starts_with('[') || digits(line.substr(1)) == 0) {
        return false;
    }
    line.remove_prefix(1 + digits(line.substr(1)));
    if (!line.starts_with(']')) {
        return false;
    }
    line.remove_prefix(1);
    if (line.starts_with('+') || line.starts_with('-')) {
        line.remove_prefix(1);
    }
    const std::string_view rest = trim(line);
    if (!rest.empty() && digits(rest) == rest.size()) {
        return true;
    }
    for (const std::string_view state :
         {"Done", "Exit", "Running", "Killed", "Terminated", "Stopped"}) {
        if (rest.starts_with(state)) {
            return true;
        }
    }
    return false;
}

/// The length of "bash: ", "bash: line 3: ", "-bash: eval: line 3: " at the start of a line.
std::size_t shell_place(std::string_view line) {
    const std::size_t dash = line.starts_with('-') ? 1 : 0;
    if (!line.substr(dash).starts_with("bash: ")) {
        return 0;
    }
    std::size_t length = dash + 6;
    length += line.substr(length).starts_with("eval: ") ? 6 : 0;
    if (line.substr(length).starts_with("line ")) {
        const std::size_t count = digits(line.substr(length + 5));
        if (count > 0 && line.substr(length + 5 + count).starts_with(": ")) {
            length += 5 + count + 2;
        }
    }
    return length;
}

std::string_view without_shell_place(std::string_view line) {
    while (const std::size_t length = shell_place(line)) {
        line.remove_prefix(length);
    }
    return line;
}

/// The length of digits and marks at the start of `text` that look like `shape`, in which 0 stands
/// for a digit; 0 if they do not, or a digit follows.
std::size_t shaped(std::string_view text, std::string_view shape) {
    if (text.size() < shape.size() ||
        (text.size() > shape.size() && is_digit(text[shape.size()]))) {
        return 0;
    }
    for (std::size_t at = 0; at < shape.size(); at++) {
        if (shape[at] == '0' ? !is_digit(text[at]) : text[at] != shape[at]) {
            return 0;
        }
    }
    return shape.size();
}

std::string without_times(std::string_view line) {
    std::string out;
    while (!line.empty()) {
        const bool begins = out.empty() || !is_digit(out.back());
        const std::size_t date = begins ? shaped(line, "0000-00-00") : 0;
        const std::size_t time = begins ? shaped(line, "00:00:00") : 0;
        if (date + time > 0) {
            out += date > 0 ? "DATE" : "TIME";
            line.remove_prefix(date + time);
        } else {
            out += line.front();
            line.remove_prefix(1);
        }
    }
    return out;
}

std::vector<std::string> normal_lines(std::string_view text) {
    std::vector<std::string> lines;
    for (const std::string& line : split_lines(text)) {
        if (!is_job_notice(line)) {
            lines.push_back(without_times(without_shell_place(line)));
        }
    }
    while (!lines.empty() && lines.back().empty()) {
        lines.pop_back();
    }
    return lines;
}

/// The number at the start of `text`, as far as its digits and one point go.
std::optional<std::string_view> number_at(std::string_view text) {
    std::size_t length = digits(text);
    if (length == 0) {
        return std::nullopt;
    }
    if (length + 1 < text.size() && text[length] == '.' && is_digit(text[length + 1])) {
        length += 1 + digits(text.substr(length + 1));
    }
    return text.substr(0, length);
}

double value_of(std::string_view number) {
    double value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    return value;
}

std::size_t blanks(std::string_view text) {
    return std::min(text.find_first_not_of(" \t"), text.size());
}

bool nearly_same(std::string_view shown, std::string_view got, double tolerance_percent) {
    shown.remove_prefix(blanks(shown));
    got.remove_prefix(blanks(got));
    while (!shown.empty() && !got.empty()) {
        const auto want = number_at(shown);
        const auto have = number_at(got);
        if (want && have) {
            const double room = value_of(*want) * tolerance_percent / 100;
            if (std::abs(value_of(*want) - value_of(*have)) > room) {
                return false;
            }
            shown.remove_prefix(want->size());
            got.remove_prefix(have->size());
        } else if (blanks(shown) > 0 && blanks(got) > 0) {
            shown.remove_prefix(blanks(shown));
            got.remove_prefix(blanks(got));
        } else if (shown.front() != got.front()) {
            return false;
        } else {
            shown.remove_prefix(1);
            got.remove_prefix(1);
        }
    }
    return shown.empty() && got.empty();
}

}  // namespace

std::string normalised(std::string_view text) {
    std::string out;
    for (const std::string& line : normal_lines(text)) {
        out.append(line).append("\n");
    }
    return out;
}

bool same_output(std::string_view shown, std::string_view got, double tolerance_percent) {
    const std::vector<std::string> want = normal_lines(shown);
    const std::vector<std::string> have = normal_lines(got);
    if (tolerance_percent <= 0) {
        return want == have;
    }
    return std::equal(want.begin(), want.end(), have.begin(), have.end(),
                      [tolerance_percent](std::string_view a, std::string_view b) {
                          return nearly_same(a, b, tolerance_percent);
                      });
}

std::string difference(std::string_view shown, std::string_view got) {
    const std::vector<std::string> want = normal_lines(shown);
    const std::vector<std::string> have = normal_lines(got);
    // Common lines at both ends; what is between is shown whole. Outputs are short.
    std::size_t head = 0;
    while (head < want.size() && head < have.size() && want[head] == have[head]) {
        head++;
    }
    std::size_t tail = 0;
    while (tail < want.size() - head && tail < have.size() - head &&
           want[want.size() - 1 - tail] == have[have.size() - 1 - tail]) {
        tail++;
    }
    std::string out;
    const auto put = [&out](std::string_view mark, const std::vector<std::string>& lines,
                            std::size_t first, std::size_t last) {
        for (; first < last; first++) {
            out.append(mark).append(lines[first]).append("\n");
        }
    };
    put("  ", want, 0, head);
    put("- ", want, head, want.size() - tail);
    put("+ ", have, head, have.size() - tail);
    put("  ", want, want.size() - tail, want.size());
    return out;
}

}  // namespace memcgfs::replay
