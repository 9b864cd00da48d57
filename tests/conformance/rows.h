// SPDX-License-Identifier: MIT
//
// One row of a grammar table: what is written to a file, the answer, and what is read afterwards.
// For the program that plays rows (putrows.cc) and the unit test that does so without a mount.
//
// A table is tab-separated: the file, in a fresh group, or with a slash before it in the root; the
// file that is read afterwards ("=" for the same, "-" for none); the text; "0" or the error's name;
// what was read, or the error's name in parentheses. Texts are escaped as in C, \xHH for any byte,
// and name what differs from run to run: \{pid} is the writer's own process id, \{COUNT*CHARACTER}
// as many times that character, and \{fd:FILE}, \{path:FILE}, \{eventfd}, \{pipe} and \{closed} are
// descriptors of the writer's: of a file of the group, with O_PATH, and so on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace memcgfs::test {

struct TableRow {
    std::string file;
    std::string read;
    std::string text;  ///< escaped
    std::string answer;
    std::string now;  ///< escaped
};

/// Fields that the line lacks are empty.
inline TableRow parse_row(std::string_view line) {
    std::array<std::string, 5> fields;
    for (std::string& field : fields) {
        const std::size_t end = line.find('\t');
        field = line.substr(0, end);
        line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
    }
    return {.file = std::move(fields[0]),
            .read = std::move(fields[1]),
            .text = std::move(fields[2]),
            .answer = std::move(fields[3]),
            .now = std::move(fields[4])};
}

inline std::string format_row(const TableRow& row) {
    return row.file + '\t' + row.read + '\t' + row.text + '\t' + row.answer + '\t' + row.now;
}

/// What `\{name}` stands for.
using RowWords = std::function<std::string(std::string_view name)>;

inline constexpr std::string_view kEscapes = "\\\\n\nt\tr\rv\vf\f";

/// The bytes of a text; `words` answers for what the table does not fix.
inline std::string unescape(std::string_view text, const RowWords& words) {
    std::string bytes;
    while (!text.empty()) {
        if (text[0] != '\\' || text.size() == 1) {
            bytes += text[0];
            text.remove_prefix(1);
            continue;
        }
        const char kind = text[1];
        text.remove_prefix(2);
        if (kind == '{') {
            const std::string_view word = text.substr(0, text.find('}'));
            text.remove_prefix(word.size() + 1);
            const std::size_t star = word.find('*');
            bytes += star == std::string_view::npos
                         ? words(word)
                         : std::string(std::strtoul(std::string(word).c_str(), nullptr, 10),
                                       word[star + 1]);
        } else if (kind == 'x') {
            bytes += static_cast<char>(std::stoul(std::string(text.substr(0, 2)), nullptr, 16));
            text.remove_prefix(2);
        } else {
            for (std::size_t i = 0; i < kEscapes.size(); i += 2) {
                if (kEscapes[i] == kind) {
                    bytes += kEscapes[i + 1];
                }
            }
        }
    }
    return bytes;
}

inline std::string escape(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        bool named = false;
        for (std::size_t i = 0; i < kEscapes.size() && !named; i += 2) {
            if (kEscapes[i + 1] == c) {
                text += {'\\', kEscapes[i]};
                named = true;
            }
        }
        if (named) {
            continue;
        }
        if (byte >= 0x20 && byte < 0x7f) {
            text += c;
        } else {
            text += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
        }
    }
    return text;
}

/// The content of a list of processes without the number of the one that writes.
inline std::string without_pid(std::string text, std::string_view pid) {
    return text == std::string(pid) + "\n" ? "\\{pid}\\n" : escape(text);
}

}  // namespace memcgfs::test
