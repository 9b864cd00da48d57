// SPDX-License-Identifier: MIT
//
// As much of a shell's grammar as tells where a command ends and which lines have a prompt.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace memcgfs::replay {

/// The kinds of prompts; a block has one kind.
enum class Prompt : unsigned char {
    kNamed,   ///< "[root@host ~]# ", "user@host:~$ "
    kDollar,  ///< "$ "
    kHash,    ///< "# ", and "#" just before a command
};

/// The length of a prompt of this kind at the line's start, its blanks included. "Copy " before it,
/// the label of many sites' buttons, is passed over.
std::optional<std::size_t> prompt_length(std::string_view line, Prompt kind);

/// False: a shell would ask for more lines (quotes, here-documents, do ... done, a trailing |).
bool is_complete(std::string_view command);

/// The word that names the command, behind assignments, '!' and '('. Empty: there is none.
std::string_view command_word(std::string_view command);

/// Words of the shell's own grammar, such as "for".
bool is_keyword(std::string_view word);

std::string_view trim(std::string_view text);

}  // namespace memcgfs::replay
