// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "memcgfs/base/assert.h"
#include "memcgfs/replay/compare.h"
#include "memcgfs/replay/document.h"
#include "memcgfs/replay/player.h"

namespace memcgfs::replay {
namespace {

void add_lines(std::string& out, std::string_view first, std::string_view rest,
               std::string_view text) {
    std::string_view mark = first;
    for (const std::string& line : split_lines(text)) {
        out.append(mark).append(line).append("\n");
        mark = rest;
    }
}

std::string_view end_of(const CommandResult& result) {
    switch (result.outcome.end) {
        case Outcome::End::kReturned:
            return "";
        case Outcome::End::kExited:
            return "the shell ended with it";
        case Outcome::End::kTimeout:
            return "it did not end in time";
    }
    MEMCGFS_UNREACHABLE();
}

/// Why a command is not as shown, or "".
std::string remark(const CommandResult& result) {
    std::string out;
    const Step& step = *result.step;
    switch (result.verdict) {
        case Verdict::kAsShown:
            break;
        case Verdict::kNotCompared:
            add_lines(out, "  | not compared: ", "  | ", step.ignore);
            break;
        case Verdict::kAsLinux:
            add_lines(out, "  | as Linux does: ", "  | ", step.why);
            break;
        case Verdict::kNotRun:
            out = "  | not run: its shell has ended\n";
            break;
        case Verdict::kDiffers:
            if (!end_of(result).empty()) {
                out = fmt::format("  | {}\n", end_of(result));
            } else if (step.on_linux || result.command.shown) {
                out = "  | differs from what is shown:\n";
                add_lines(out, "  |   ", "  |   ",
                          difference(step.on_linux.value_or(result.command.shown.value_or("")),
                                     result.outcome.output));
            } else {
                out = "  | it is not shown to fail\n";
            }
            break;
    }
    return out;
}

std::string field(std::string_view text) {
    std::string out;
    for (const char byte : text) {
        switch (byte) {
            case '\t':
                out += "\\t";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\\':
                out += "\\\\";
                break;
            default:
                out += byte;
        }
    }
    return out;
}

}  // namespace

std::string transcript(const RowResult& result) {
    std::string out = fmt::format("== {}{}{}\n", result.row->id,
                                  result.row->about.empty() ? "" : ": ", result.row->about);
    for (const CommandResult& command : result.commands) {
        add_lines(out, "$ ", "> ", command.command.text);
        out += command.outcome.output;
        if (!out.ends_with('\n')) {
            out += '\n';
        }
        if (command.outcome.status != 0) {
            out += fmt::format("[status {}]\n", command.outcome.status);
        }
        out += remark(command);
    }
    if (result.verdict() >= Verdict::kDiffers && !result.row->missing.empty()) {
        out += fmt::format("  | not there yet: {}\n", result.row->missing);
    }
    return out;
}

std::string report(const RowResult& result) {
    const Row& row = *result.row;
    std::string out =
        fmt::format("row\t{}\t{}\t{}\t{}\t{}\n", field(row.id), verdict_name(result.verdict()),
                    field(row.world), field(row.about), field(row.missing));
    for (const CommandResult& command : result.commands) {
        const Step& step = *command.step;
        std::string why = step.ignore.empty() ? step.why : step.ignore;
        if (!end_of(command).empty()) {
            why = end_of(command);
        }
        const std::string_view origin = step.run.empty() ? "document" : "list";
        out += fmt::format("command\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", field(row.id),
                           verdict_name(command.verdict), origin, command.command.line,
                           field(command.command.text), command.outcome.status, field(why),
                           field(step.on_linux.value_or(command.command.shown.value_or(""))),
                           field(normalised(command.outcome.output)));
    }
    return out;
}

}  // namespace memcgfs::replay
