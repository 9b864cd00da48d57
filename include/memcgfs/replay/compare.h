// SPDX-License-Identifier: MIT
//
// Whether a command has printed what a document shows.
//
// Before a comparison both texts lose what no two runs share: an interactive shell's notices of
// jobs ("[1] 19157", "[1]+  Exit 1  ./x"), the shell's name and place before an error
// ("bash: line 3: "), white space at line ends, blank lines at the end; dates and times of day
// become "DATE" and "TIME".
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace memcgfs::replay {

/// The text as it is compared.
std::string normalised(std::string_view text);

/// Whether `got` is `shown`. With `tolerance_percent` above 0 numbers may differ by that much of
/// the shown one, and runs of blanks count as one blank (a wider number moves a table's columns).
bool same_output(std::string_view shown, std::string_view got, double tolerance_percent = 0);

/// Line by line, "- " what is shown and not there, "+ " what is there and not shown, "  " the rest.
std::string difference(std::string_view shown, std::string_view got);

}  // namespace memcgfs::replay
