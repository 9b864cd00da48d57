// SPDX-License-Identifier: MIT
//
// A document that shows shell commands: Markdown, or plain text with prompts.
//
// What is taken for a block of commands:
//   - a fenced block (``` or ~~~) whose info string names a shell (sh, bash, shell, console, ...),
//     or that has no info string and either shows prompts or consists of commands alone;
//   - an indented block, likewise;
//   - in text outside of blocks, lines with a prompt: "$ ", "[user@host dir]#", "user@host:dir$",
//     and, in documents without fences, "# " and "#" before a command.
// In a block with prompts the lines without one are what the document shows as output; "> " and
// what follows an unfinished command (a here-document, an open quote) belong to the command. In a
// block without prompts every line is part of a command, and no output is shown.
//
// Pure: no files, no environment. Any text may be given.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::replay {

/// A command of a document, as one would type it.
struct Command {
    std::size_t line = 0;  ///< where it begins, from 1
    std::string text;      ///< without prompts; several lines where it has them
    /// What the document shows it to print, without the last line end. Absent: the block it is in
    /// shows no output at all.
    std::optional<std::string> shown;

    bool operator==(const Command&) const = default;
};

/// Commands that belong together.
struct Block {
    std::size_t first = 0;  ///< its lines, from 1
    std::size_t last = 0;
    std::vector<Command> commands;
};

struct Document {
    std::vector<std::string> lines;  ///< without line ends and trailing white space
    std::vector<Block> blocks;
};

/// Whether a word can stand for a command; what tells commands from prose where nothing else does.
using IsCommand = std::function<bool(std::string_view)>;

/// Never without a block. Errors (one sentence): a block that is not closed; no block at all.
Result<Document, std::string> parse_document(std::string_view text, const IsCommand& is_command);

/// The lines of a text, without line ends and trailing white space.
std::vector<std::string> split_lines(std::string_view text);

/// The commands of the lines [first, last] (from 1), which are known to be commands: with prompts
/// and outputs, or without either. Blank lines and fences are passed over.
Result<std::vector<Command>, std::string> commands_in(const std::vector<std::string>& lines,
                                                      std::size_t first, std::size_t last);

}  // namespace memcgfs::replay
