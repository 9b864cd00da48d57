// SPDX-License-Identifier: MIT
#include "memcgfs/replay/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "replay/shell_text.h"

namespace memcgfs::replay {
namespace {

Failed<std::string> failure(std::string sentence) { return {std::move(sentence)}; }

constexpr std::size_t kCodeIndent = 4;
constexpr std::array<std::string_view, 9> kShellNames = {
    "sh", "bash", "shell", "console", "shell-session", "sh-session", "zsh", "ksh", "shellsession"};
constexpr std::array kPrompts = {Prompt::kNamed, Prompt::kDollar, Prompt::kHash};

/// Lines of a block without their indentation, and which of the document's they are.
struct Line {
    std::size_t number = 0;
    std::string_view text;
};

std::size_t indent_of(std::string_view line) {
    std::size_t columns = 0;
    for (const char byte : line) {
        if (byte == '\t') {
            columns += kCodeIndent - columns % kCodeIndent;
        } else if (byte == ' ') {
            columns++;
        } else {
            break;
        }
    }
    return columns;
}

/// At most `columns` of indentation less.
std::string_view without_indent(std::string_view line, std::size_t columns) {
    const std::size_t first = line.find_first_not_of(" \t");
    return line.substr(std::min({columns, first, line.size()}));
}

/// The length of a fence's row of marks: at least three.
std::size_t fence_length(std::string_view line) {
    line = trim(line);
    if (line.empty() || (line[0] != '`' && line[0] != '~')) {
        return 0;
    }
    const std::size_t length = std::min(line.find_first_not_of(line[0]), line.size());
    // "```x```" on one line is inline code.
    return length < 3 || line.find('`', length) != std::string_view::npos ? 0 : length;
}

bool closes(std::string_view line, char mark, std::size_t length) {
    line = trim(line);
    return line.size() >= length && line.find_first_not_of(mark) == std::string_view::npos;
}

/// The column where a list item's own text begins: "- x", "12. x".
std::optional<std::size_t> list_content(std::string_view line) {
    const std::size_t start = indent_of(line);
    const std::string_view rest = trim(line);
    std::size_t mark = rest.find_first_not_of("0123456789");
    if (rest.empty() || mark == std::string_view::npos) {
        return std::nullopt;
    }
    const bool numbered = mark > 0 && (rest[mark] == '.' || rest[mark] == ')');
    const bool bullet =
        mark == 0 && std::string_view("-*+").find(rest[0]) != std::string_view::npos;
    if (!numbered && !bullet) {
        return std::nullopt;
    }
    const std::size_t text = rest.find_first_not_of(" \t", mark + 1);
    if (text == mark + 1 || text == std::string_view::npos) {
        return std::nullopt;
    }
    return start + text;
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

/// Which kind of prompt a block shows, if any.
std::optional<Prompt> prompt_of(std::span<const Line> lines, const IsCommand& is_command) {
    for (const Prompt kind : {Prompt::kNamed, Prompt::kDollar}) {
        if (std::any_of(lines.begin(), lines.end(), [kind](const Line& line) {
                return prompt_length(line.text, kind).has_value();
            })) {
            return kind;
        }
    }
    // "# mount ..." is a prompt where all such lines are commands and no others are; else it is a
    // script's comment.
    bool any = false;
    for (const Line& line : lines) {
        const auto length = prompt_length(line.text, Prompt::kHash);
        const std::string_view word = command_word(line.text.substr(length.value_or(0)));
        if (word.empty()) {
            continue;
        }
        if (is_command(word) != length.has_value()) {
            return std::nullopt;
        }
        any = any || length.has_value();
    }
    return any ? std::optional(Prompt::kHash) : std::nullopt;
}

/// Commands behind prompts, and between them what they print.
std::vector<Command> prompted_commands(std::span<const Line> lines, Prompt kind) {
    std::vector<Command> commands;
    bool any_output = false;
    bool typing = false;  // the last command goes on
    for (const Line& line : lines) {
        const auto length = prompt_length(line.text, kind);
        if (!typing && length) {
            commands.push_back({line.number, std::string(line.text.substr(*length)), ""});
            typing = !is_complete(commands.back().text);
        } else if (typing) {
            const bool second_prompt = line.text.starts_with("> ");
            commands.back().text += '\n';
            commands.back().text += line.text.substr(second_prompt ? 2 : 0);
            typing = !is_complete(commands.back().text);
        } else if (!commands.empty()) {
            commands.back().shown->append(line.text).append("\n");
            any_output = any_output || !trim(line.text).empty();
        }
    }
    for (Command& command : commands) {
        while (command.shown->ends_with('\n')) {
            command.shown->pop_back();
        }
        if (!any_output) {
            command.shown.reset();
        }
    }
    // An empty prompt is where somebody has pressed Return; what stands behind it is of jobs.
    std::erase_if(commands, [](const Command& command) { return trim(command.text).empty(); });
    return commands;
}

std::vector<Command> plain_commands(std::span<const Line> lines) {
    std::vector<Command> commands;
    bool typing = false;
    for (const Line& line : lines) {
        if (typing) {
            commands.back().text.append("\n").append(line.text);
        } else if (trim(line.text).empty() || line.text.starts_with('#')) {
            continue;
        } else {
            commands.push_back({line.number, std::string(line.text), std::nullopt});
        }
        typing = !is_complete(commands.back().text);
    }
    return commands;
}

bool all_are_commands(const std::vector<Command>& commands, const IsCommand& is_command) {
    return !commands.empty() &&
           std::all_of(commands.begin(), commands.end(), [&](const Command& command) {
               const std::string_view word = command_word(command.text);
               return word.empty() ? command.text.find('=') != std::string::npos
                                   : is_keyword(word) || is_command(word);
           });
}

class Parser {
public:
    Parser(std::vector<std::string> lines, const IsCommand& is_command) : is_command_(is_command) {
        document_.lines = std::move(lines);
        fenced_ = std::any_of(document_.lines.begin(), document_.lines.end(),
                              [](const std::string& line) { return fence_length(line) > 0; });
    }

    Result<Document, std::string> parse() {
        while (at_ < size()) {
            const std::string_view line = document_.lines[at_];
            if (fence_length(line) > 0) {
                MEMCGFS_TRY(take_fenced());
            } else if (begins_indented()) {
                take_indented();
            } else if (prompt_here(line)) {
                take_prompts();
            } else {
                note_list(line);
                at_++;
            }
        }
        if (document_.blocks.empty()) {
            return failure("there is no block of shell commands in it");
        }
        return std::move(document_);
    }

private:
    std::size_t size() const { return document_.lines.size(); }

    void note_list(std::string_view line) {
        if (const auto content = list_content(line)) {
            list_ = *content;
        } else if (!trim(line).empty() && indent_of(line) == 0) {
            list_ = 0;
        }
    }

    Result<void, std::string> take_fenced() {
        const std::size_t open = at_;
        const std::string_view fence = trim(document_.lines[open]);
        const std::size_t length = fence_length(fence);
        const std::size_t indent = indent_of(document_.lines[open]);
        const std::string info(trim(fence.substr(length)));
        std::vector<Line> lines;
        for (at_++; at_ < size() && !closes(document_.lines[at_], fence[0], length); at_++) {
            lines.push_back({at_ + 1, without_indent(document_.lines[at_], indent)});
        }
        if (at_ == size()) {
            return failure(
                fmt::format("line {}: the block that begins here is not closed", open + 1));
        }
        at_++;
        const std::string language = info.substr(0, info.find_first_of(" {,"));
        const bool named =
            std::find(kShellNames.begin(), kShellNames.end(), language) != kShellNames.end();
        if (named || info.empty()) {
            add_block(lines, named);
        }
        return {};
    }

    bool begins_indented() const {
        const std::string_view line = document_.lines[at_];
        return !trim(line).empty() && indent_of(line) >= list_ + kCodeIndent &&
               (at_ == 0 || trim(document_.lines[at_ - 1]).empty()) && !list_content(line);
    }

    void take_indented() {
        const std::size_t indent = list_ + kCodeIndent;
        std::vector<Line> lines;
        std::size_t end = at_;
        for (; at_ < size(); at_++) {
            const std::string_view line = document_.lines[at_];
            if (!trim(line).empty() && indent_of(line) < indent) {
                break;
            }
            if (!trim(line).empty()) {
                end = at_ + 1;
            }
            lines.push_back({at_ + 1, without_indent(line, indent)});
        }
        lines.resize(lines.size() - (at_ - end));
        at_ = end;
        add_block(lines, false);
    }

    std::optional<Prompt> prompt_here(std::string_view line) const {
        for (const Prompt kind : kPrompts) {
            const auto length = prompt_length(line, kind);
            // In Markdown "# x" is a heading.
            if (length && (kind != Prompt::kHash ||
                           (!fenced_ && is_command_(command_word(line.substr(*length)))))) {
                return kind;
            }
        }
        return std::nullopt;
    }

    /// Lines with prompts among prose. Their output ends at a blank line and where prose can be
    /// told: by a '#' or letters that are not ASCII.
    void take_prompts() {
        const std::optional<Prompt> kind = prompt_here(document_.lines[at_]);
        std::vector<Line> lines;
        std::size_t end = at_;
        bool prose = false;
        for (; at_ < size(); at_++) {
            const std::string_view line = document_.lines[at_];
            const auto here = prompt_here(line);
            const bool typing =
                !lines.empty() && !is_complete(without_prompt(lines.back().text, *kind));
            if (!typing && !here && trim(line).empty()) {
                prose = true;
                continue;
            }
            if (here != kind && !typing &&
                (here || prose || line.starts_with('#') || !is_ascii(line))) {
                break;
            }
            prose = false;
            end = at_ + 1;
            lines.push_back({at_ + 1, line});
        }
        at_ = end;
        Block block{lines.front().number, end, prompted_commands(lines, *kind)};
        if (!block.commands.empty()) {
            document_.blocks.push_back(std::move(block));
        }
    }

    static std::string_view without_prompt(std::string_view line, Prompt kind) {
        return line.substr(prompt_length(line, kind).value_or(0));
    }

    void add_block(std::span<const Line> lines, bool named) {
        if (lines.empty()) {
            return;
        }
        const auto kind = prompt_of(lines, is_command_);
        Block block{lines.front().number, lines.back().number,
                    kind ? prompted_commands(lines, *kind) : plain_commands(lines)};
        if (!block.commands.empty() &&
            (kind || named || all_are_commands(block.commands, is_command_))) {
            document_.blocks.push_back(std::move(block));
        }
    }

    const IsCommand& is_command_;
    Document document_;
    std::size_t at_ = 0;
    std::size_t list_ = 0;  ///< where the text of the list item begins that we are in
    bool fenced_ = false;
};

}  // namespace

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        lines.emplace_back(line.substr(0, line.find_last_not_of(" \t\r") + 1));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

Result<Document, std::string> parse_document(std::string_view text, const IsCommand& is_command) {
    return Parser(split_lines(text), is_command).parse();
}

Result<std::vector<Command>, std::string> commands_in(const std::vector<std::string>& lines,
                                                      std::size_t first, std::size_t last) {
    if (first == 0 || first > last || last > lines.size()) {
        return failure(fmt::format("it has no lines {}-{}, only {}", first, last, lines.size()));
    }
    std::vector<Line> block;
    std::size_t indent = std::string_view::npos;
    for (std::size_t at = first - 1; at < last; at++) {
        if (fence_length(lines[at]) == 0) {
            block.push_back({at + 1, lines[at]});
            indent = trim(lines[at]).empty() ? indent : std::min(indent, indent_of(lines[at]));
        }
    }
    for (Line& line : block) {
        line.text = without_indent(line.text, indent);
    }
    // Whoever named the lines knows them to be commands.
    const auto kind = prompt_of(block, [](std::string_view) { return true; });
    std::vector<Command> commands = kind ? prompted_commands(block, *kind) : plain_commands(block);
    if (commands.empty()) {
        return failure(fmt::format("its lines {}-{} have no command", first, last));
    }
    return commands;
}

}  // namespace memcgfs::replay
