// SPDX-License-Identifier: MIT
//
// A list (TOML): which parts of a document are run, where, and what is expected of them. Format and
// meaning: docs/replay.md.
//
// Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/replay/document.h"

namespace memcgfs::replay {

/// Lines of the document, both ends included, from 1. first 0: none.
struct Range {
    std::size_t first = 0;
    std::size_t last = 0;
};

/// One or more commands that are judged alike.
struct Step {
    Range lines;       ///< the commands of these lines, or
    std::string take;  ///< this part of them, or
    std::string run;   ///< a command of the list's own
    Range says;        ///< with `run`: where the document says what is looked at
    std::vector<std::pair<std::string, std::string>> replace;  ///< what cannot be as written
    std::string shell;  ///< in which terminal; "" is the first
    bool background = false;

    std::optional<std::size_t> shown;     ///< the document shows the output in this line, as `code`
    std::optional<std::string> prints;    ///< what the document says it prints
    std::optional<std::string> on_linux;  ///< what Linux prints where the document has it otherwise
    std::optional<int> status;  ///< the exit status; absent: 0 where no output is expected
    std::string why;            ///< of `linux` and `replace`
    std::string ignore;         ///< why the output is not compared
    double within_percent = 0;
    std::chrono::seconds patience{60};
};

/// A world and what its commands find there.
struct WorldSpec {
    std::string name;
    std::map<std::string, std::string> options;   ///< "profile" -> "6.1": of memcgfs run
    std::string as_documented;                    ///< the profile that `as-documented` stands for
    std::map<std::string, std::string> programs;  ///< scripts in PATH
    std::map<std::string, std::string> program_reasons;  ///< why a stand-in is used
    std::map<std::string, Range> files;  ///< in the working directory, with these lines
    std::string prelude;                 ///< defined in every shell before its first command
};

struct Row {
    std::string id;
    std::string world;
    std::string about;    ///< one line
    std::string missing;  ///< what memcgfs lacks, for when the row does not come out
    std::vector<Step> steps;
};

struct List {
    std::string document;  ///< as named by the list; may be empty
    std::string title;
    std::vector<WorldSpec> worlds;
    std::vector<Row> rows;

    const WorldSpec* find_world(std::string_view name) const;
};

/// `name` is for errors, "NAME:LINE: what is wrong".
Result<List, std::string> parse_list(std::string_view text, const std::string& name);

/// All blocks of a document as one row of a world without options.
List list_of(const Document& document);

/// The commands of a step, with what is expected of each filled in from the document. Errors: the
/// document does not have them.
Result<std::vector<Command>, std::string> commands_of(const Step& step,
                                                      const std::vector<std::string>& lines);

}  // namespace memcgfs::replay
