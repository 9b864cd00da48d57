// SPDX-License-Identifier: MIT
#include "replay/shell_text.h"

#include <algorithm>
#include <array>
#include <deque>
#include <string>

namespace memcgfs::replay {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kCopyLabel = "Copy ";
constexpr std::array<std::string_view, 16> kKeywords = {
    "if", "then", "else", "elif", "fi", "for", "while", "until",
    "do", "done", "case", "esac", "in", "{",   "}",     "function"};

bool is_blank(char byte) { return kBlanks.find(byte) != std::string_view::npos; }

bool is_word_end(char byte) {
    return is_blank(byte) || byte == '\n' ||
           std::string_view(";|&()<>").find(byte) != std::string_view::npos;
}

bool is_name(std::string_view text) {
    return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_';
           });
}

bool is_assignment(std::string_view word) {
    const std::size_t equals = word.find('=');
    return equals != std::string_view::npos && is_name(word.substr(0, equals));
}

/// "root@host ~" and "user@host:~/dir"
bool names_a_host(std::string_view text) {
    const std::size_t at = text.find('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
           text.find_first_of("\"'`$;|&<>()") == std::string_view::npos;
}

/// The end of "[root@host ~]#" or "user@host:~$", without the blank behind.
std::optional<std::size_t> named_prompt_end(std::string_view line) {
    if (line.starts_with('[')) {
        const std::size_t close = line.find(']');
        if (close == std::string_view::npos || close + 1 >= line.size() ||
            !names_a_host(line.substr(1, close - 1))) {
            return std::nullopt;
        }
        return line[close + 1] == '#' || line[close + 1] == '$' ? std::optional(close + 2)
                                                                : std::nullopt;
    }
    const std::size_t mark = line.find_first_of("#$ ");
    if (mark == std::string_view::npos || line[mark] == ' ' || line.find(':') >= mark ||
        !names_a_host(line.substr(0, mark))) {
        return std::nullopt;
    }
    return mark + 1;
}

/// Reads a command from left to right and keeps what is open.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool complete() {
        while (at_ < text_.size() && !open_) {
            step();
        }
        return !open_ && depth_ == 0 && parentheses_ == 0 && documents_.empty() && !joined_;
    }

private:
    void step() {
        const char byte = text_[at_];
        if (byte == '\n') {
            at_++;
            read_documents();
            command_position_ = true;
        } else if (is_blank(byte)) {
            at_++;
        } else if (byte == '#') {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (text_.substr(at_).starts_with("<<") && !text_.substr(at_).starts_with("<<<")) {
            note_document();
        } else if (is_word_end(byte)) {
            step_operator(byte);
        } else {
            step_word();
        }
    }

    void step_operator(char byte) {
        if (byte == '(') {
            parentheses_++;
        } else if (byte == ')' && parentheses_ > 0) {
            parentheses_--;
            // A function's head: its body is to come.
            joined_ = at_ > 0 && text_[at_ - 1] == '(';
            command_position_ = true;
            at_++;
            return;
        }
        const bool twice = at_ + 1 < text_.size() && text_[at_ + 1] == byte;
        // "a |", "a ||" and "a &&" want more; "a &" does not.
        joined_ = byte == '|' || (byte == '&' && twice);
        command_position_ = byte != '<' && byte != '>';
        at_ += twice ? 2 : 1;
    }

    /// One word with its quotes.
    void step_word() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && !is_word_end(text_[at_])) {
            const char byte = text_[at_];
            if (byte == '\\') {
                open_ =
                    at_ + 1 >= text_.size() || (text_[at_ + 1] == '\n' && at_ + 2 >= text_.size());
                at_ = std::min(at_ + 2, text_.size());
            } else if (byte == '\'' || byte == '"' || byte == '`') {
                skip_quoted(byte);
            } else if (text_.substr(at_).starts_with("$(")) {
                skip_substitution();
            } else {
                at_++;
            }
        }
        joined_ = false;
        if (command_position_) {
            const std::string_view word = text_.substr(begin, at_ - begin);
            count_keyword(word);
            command_position_ = is_keyword(word) || is_assignment(word) || word == "!";
        }
    }

    void count_keyword(std::string_view word) {
        if (word == "if" || word == "for" || word == "while" || word == "until" || word == "case" ||
            word == "{") {
            depth_++;
        } else if ((word == "fi" || word == "done" || word == "esac" || word == "}") &&
                   depth_ > 0) {
            depth_--;
        }
    }

    void skip_quoted(char quote) {
        at_++;
        while (at_ < text_.size() && text_[at_] != quote) {
            at_ += text_[at_] == '\\' && quote != '\'' ? 2 : 1;
        }
        open_ = at_ >= text_.size();
        at_ = std::min(at_ + 1, text_.size());
    }

    /// "$(...)", without looking for quotes' own rules inside.
    void skip_substitution() {
        std::size_t inner = 0;
        do {
            if (text_[at_] == '(') {
                inner++;
            } else if (text_[at_] == ')' && --inner == 0) {
                at_++;
                return;
            }
            at_++;
        } while (at_ < text_.size());
        open_ = true;
    }

    /// "<<EOF", "<<-'EOF'"
    void note_document() {
        at_ += 2;
        const bool tabs = at_ < text_.size() && text_[at_] == '-';
        at_ += tabs ? 1 : 0;
        while (at_ < text_.size() && is_blank(text_[at_])) {
            at_++;
        }
        std::string word;
        for (; at_ < text_.size() && !is_word_end(text_[at_]); at_++) {
            if (text_[at_] != '\'' && text_[at_] != '"' && text_[at_] != '\\') {
                word += text_[at_];
            }
        }
        documents_.push_back({word, tabs});
        joined_ = false;
    }

    void read_documents() {
        while (!documents_.empty() && at_ < text_.size()) {
            const std::size_t end = std::min(text_.find('\n', at_), text_.size());
            std::string_view line = text_.substr(at_, end - at_);
            while (documents_.front().tabs && line.starts_with('\t')) {
                line.remove_prefix(1);
            }
            const bool last = line == documents_.front().word;
            at_ = std::min(end + 1, text_.size());
            if (last) {
                documents_.pop_front();
            }
        }
    }

    struct HereDocument {
        std::string word;
        bool tabs = false;
    };

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::size_t parentheses_ = 0;
    std::deque<HereDocument> documents_;
    bool command_position_ = true;
    bool joined_ = false;  ///< the last token joins what comes
    bool open_ = false;    ///< a quote or a backslash has no end
};

}  // namespace

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_keyword(std::string_view word) {
    return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
}

std::optional<std::size_t> prompt_length(std::string_view line, Prompt kind) {
    std::size_t start = line.starts_with(kCopyLabel) ? kCopyLabel.size() : 0;
    const std::string_view rest = line.substr(start);
    if (kind == Prompt::kNamed) {
        const auto end = named_prompt_end(rest);
        if (!end) {
            return std::nullopt;
        }
        start += *end;
    } else if (rest.starts_with(kind == Prompt::kDollar ? "$ " : "#")) {
        start++;
    } else {
        return std::nullopt;
    }
    return std::min(line.find_first_not_of(kBlanks, start), line.size());
}

bool is_complete(std::string_view command) { return Scanner(command).complete(); }

std::string_view command_word(std::string_view command) {
    for (;;) {
        command = trim(command);
        if (command.starts_with('(')) {
            command.remove_prefix(1);
            continue;
        }
        const auto end = std::find_if(command.begin(), command.end(), is_word_end);
        const std::string_view word =
            command.substr(0, static_cast<std::size_t>(end - command.begin()));
        if (word != "!" && !is_assignment(word)) {
            return word;
        }
        command.remove_prefix(word.size());
    }
}

}  // namespace memcgfs::replay
