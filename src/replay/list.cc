// SPDX-License-Identifier: MIT
#include "memcgfs/replay/list.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "replay/shell_text.h"

namespace memcgfs::replay {
namespace {

using Status = Result<void, std::string>;
/// Takes one key's value over; the error lacks the place.
using Setter = std::function<Status(const toml::node&)>;
using Keys = std::map<std::string, Setter, std::less<>>;

constexpr std::int64_t kPatienceMax = 3600;

Failed<std::string> failure(std::string sentence) { return {std::move(sentence)}; }

Setter text(std::string& out) {
    return [&out](const toml::node& node) -> Status {
        const auto value = node.value_exact<std::string>();
        if (!value) {
            return failure("must be a text");
        }
        out = *value;
        return {};
    };
}

Setter optional_text(std::optional<std::string>& out) {
    return [&out](const toml::node& node) -> Status { return text(out.emplace())(node); };
}

Setter flag(bool& out) {
    return [&out](const toml::node& node) -> Status {
        const auto value = node.value_exact<bool>();
        if (!value) {
            return failure("must be true or false");
        }
        out = *value;
        return {};
    };
}

Result<std::int64_t, std::string> number_in(const toml::node& node, std::int64_t low,
                                            std::int64_t high) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < low || *value > high) {
        return failure(fmt::format("must be a whole number from {} to {}", low, high));
    }
    return *value;
}

/// 12 or "12-14"
Setter range(Range& out) {
    return [&out](const toml::node& node) -> Status {
        const auto one = node.value_exact<std::int64_t>();
        const std::string written =
            one ? std::to_string(*one) : node.value_exact<std::string>().value_or("");
        const char* const end = written.data() + written.size();
        auto parsed = std::from_chars(written.data(), end, out.first);
        out.last = out.first;
        if (parsed.ec == std::errc{} && parsed.ptr != end && *parsed.ptr == '-') {
            parsed = std::from_chars(parsed.ptr + 1, end, out.last);
        }
        if (parsed.ec != std::errc{} || parsed.ptr != end || out.first == 0 ||
            out.last < out.first) {
            return failure("must be lines of the document, such as 12 or \"12-14\"");
        }
        return {};
    };
}

Setter percent(double& out) {
    return [&out](const toml::node& node) -> Status {
        const std::string written = node.value_exact<std::string>().value_or("");
        const char* const end = written.data() + written.size();
        const auto [at, error] = std::from_chars(written.data(), end, out);
        if (error != std::errc{} || std::string_view(at, end) != "%" || !(out > 0)) {
            return failure("must be a share, such as \"5%\"");
        }
        return {};
    };
}

/// Every key of `table` goes to its setter; unknown keys are errors.
Status take(const toml::table& table, const Keys& keys, const std::string& where) {
    for (const auto& [key, node] : table) {
        const auto line = node.source().begin.line;
        const auto setter = keys.find(key.str());
        if (setter == keys.end()) {
            std::string known;
            for (const auto& [name, unused] : keys) {
                known += (known.empty() ? "" : ", ") + name;
            }
            return failure(fmt::format("{}:{}: unknown key '{}'; known are {}", where, line,
                                       key.str(), known));
        }
        const Status status = setter->second(node);
        if (!status.ok()) {
            return failure(
                status.error().starts_with(where + ":")
                    ? status.error()
                    : fmt::format("{}:{}: {} {}", where, line, key.str(), status.error()));
        }
    }
    return {};
}

/// Each table of an array of tables.
Setter tables(const std::function<Status(const toml::table&)>& one) {
    return [one](const toml::node& node) -> Status {
        const toml::array* const array = node.as_array();
        if (array == nullptr || !node.is_array_of_tables()) {
            return failure("must be tables: [[...]]");
        }
        for (const toml::node& table : *array) {
            MEMCGFS_TRY(one(*table.as_table()));
        }
        return {};
    };
}

/// name = value for any name.
Setter named(const std::function<Status(const std::string&, const toml::node&)>& one) {
    return [one](const toml::node& node) -> Status {
        const toml::table* const table = node.as_table();
        if (table == nullptr) {
            return failure("must be a table");
        }
        for (const auto& [key, value] : *table) {
            MEMCGFS_TRY(one(std::string(key.str()), value));
        }
        return {};
    };
}

Result<Step, std::string> step_from(const toml::table& table, const std::string& where) {
    Step step;
    const Keys keys{
        {"background", flag(step.background)},
        {"ignore", text(step.ignore)},
        {"lines", range(step.lines)},
        {"linux", optional_text(step.on_linux)},
        {"patience",
         [&](const toml::node& node) -> Status {
             step.patience = std::chrono::seconds(MEMCGFS_TRY(number_in(node, 1, kPatienceMax)));
             return {};
         }},
        {"prints", optional_text(step.prints)},
        {"replace", named([&](const std::string& name, const toml::node& node) -> Status {
             std::string value;
             MEMCGFS_TRY(text(value)(node));
             step.replace.emplace_back(name, value);
             return {};
         })},
        {"run", text(step.run)},
        {"says", range(step.says)},
        {"shell", text(step.shell)},
        {"shown",
         [&](const toml::node& node) -> Status {
             step.shown = static_cast<std::size_t>(MEMCGFS_TRY(number_in(node, 1, INT32_MAX)));
             return {};
         }},
        {"status",
         [&](const toml::node& node) -> Status {
             step.status = static_cast<int>(MEMCGFS_TRY(number_in(node, 0, 255)));
             return {};
         }},
        {"take", text(step.take)},
        {"why", text(step.why)},
        {"within", percent(step.within_percent)},
    };
    MEMCGFS_TRY(take(table, keys, where));
    const auto fail_here = [&](std::string_view what) {
        return failure(fmt::format("{}:{}: {}", where, table.source().begin.line, what));
    };
    if ((step.lines.first == 0) == step.run.empty()) {
        return fail_here("a step has lines of the document, or a command of its own to run");
    }
    if ((step.on_linux || !step.replace.empty()) && step.why.empty()) {
        return fail_here("where it is not as the document has it, say why");
    }
    return step;
}

Result<WorldSpec, std::string> world_from(const toml::table& table, const std::string& where) {
    WorldSpec world;
    Keys keys{
        {"as-documented", text(world.as_documented)},
        {"files", named([&](const std::string& name, const toml::node& node) {
             return range(world.files[name])(node);
         })},
        {"name", text(world.name)},
        {"prelude", text(world.prelude)},
        {"programs", named([&](const std::string& name, const toml::node& node) {
             return text(world.programs[name])(node);
         })},
        {"stand-ins", named([&](const std::string& name, const toml::node& node) {
             return text(world.program_reasons[name])(node);
         })},
    };
    for (const char* option :
         {"profile", "hierarchy", "machine", "memory", "swap", "cpus", "mount-options", "track"}) {
        keys.emplace(option, [&world, option](const toml::node& node) {
            return text(world.options[option])(node);
        });
    }
    MEMCGFS_TRY(take(table, keys, where));
    if (world.name.empty()) {
        return failure(fmt::format("{}:{}: a world has a name", where, table.source().begin.line));
    }
    return world;
}

Result<Row, std::string> row_from(const toml::table& table, const std::string& where) {
    Row row;
    const Keys keys{
        {"about", text(row.about)},
        {"id", text(row.id)},
        {"missing", text(row.missing)},
        {"step", tables([&](const toml::table& step) -> Status {
             row.steps.push_back(MEMCGFS_TRY(step_from(step, where)));
             return {};
         })},
        {"world", text(row.world)},
    };
    MEMCGFS_TRY(take(table, keys, where));
    if (row.id.empty() || row.steps.empty()) {
        return failure(
            fmt::format("{}:{}: a row has an id and steps", where, table.source().begin.line));
    }
    return row;
}

Status check(const List& list, const std::string& where) {
    if (list.rows.empty()) {
        return failure(fmt::format("{}: it has no rows", where));
    }
    for (auto row = list.rows.begin(); row != list.rows.end(); ++row) {
        if (list.find_world(row->world) == nullptr) {
            return failure(
                fmt::format("{}: row {}: there is no world '{}'", where, row->id, row->world));
        }
        if (std::any_of(list.rows.begin(), row,
                        [row](const Row& other) { return other.id == row->id; })) {
            return failure(fmt::format("{}: row {} is there twice", where, row->id));
        }
    }
    return {};
}

/// The last `code` of a line.
Result<std::string, std::string> inline_code(const std::vector<std::string>& lines,
                                             std::size_t number) {
    const std::string_view line = number <= lines.size() ? lines[number - 1] : std::string_view();
    const std::size_t close = line.rfind('`');
    const std::size_t open =
        close == std::string_view::npos || close == 0 ? close : line.rfind('`', close - 1);
    if (open == std::string_view::npos || open == close) {
        return failure(fmt::format("its line {} shows no `output`", number));
    }
    return std::string(line.substr(open + 1, close - open - 1));
}

/// False: the command has nothing of the kind.
bool substitute(const std::string& from, const std::string& to, std::string& text) {
    bool any = false;
    std::size_t at = 0;
    while (!from.empty() && (at = text.find(from, at)) != std::string::npos) {
        text.replace(at, from.size(), to);
        at += to.size();
        any = true;
    }
    return any;
}

}  // namespace

const WorldSpec* List::find_world(std::string_view name) const {
    for (const WorldSpec& world : worlds) {
        if (world.name == name) {
            return &world;
        }
    }
    return nullptr;
}

Result<List, std::string> parse_list(std::string_view content, const std::string& name) {
    List list;
    const Keys keys{
        {"document", text(list.document)},
        {"row", tables([&](const toml::table& table) -> Status {
             list.rows.push_back(MEMCGFS_TRY(row_from(table, name)));
             return {};
         })},
        {"title", text(list.title)},
        {"world", tables([&](const toml::table& table) -> Status {
             list.worlds.push_back(MEMCGFS_TRY(world_from(table, name)));
             return {};
         })},
    };
    try {
        MEMCGFS_TRY(take(toml::parse(content, name), keys, name));
    } catch (const toml::parse_error& error) {
        return failure(
            fmt::format("{}:{}: {}", name, error.source().begin.line, error.description()));
    }
    MEMCGFS_TRY(check(list, name));
    return list;
}

List list_of(const Document& document) {
    List list;
    list.worlds.emplace_back();
    for (const Block& block : document.blocks) {
        Row row;
        row.id = block.first == block.last ? fmt::format("line {}", block.first)
                                           : fmt::format("lines {}-{}", block.first, block.last);
        for (const Command& command : block.commands) {
            Step& step = row.steps.emplace_back();
            step.run = command.text;
            step.says = {command.line, command.line};
            step.prints = command.shown;
        }
        list.rows.push_back(std::move(row));
    }
    return list;
}

Result<std::vector<Command>, std::string> commands_of(const Step& step,
                                                      const std::vector<std::string>& lines) {
    std::vector<Command> commands;
    if (!step.run.empty()) {
        commands.push_back({step.says.first, step.run, std::nullopt});
    } else if (!step.take.empty()) {
        std::string part;
        for (std::size_t at = step.lines.first; at <= step.lines.last && at <= lines.size(); at++) {
            part.append(lines[at - 1]).append("\n");
        }
        if (part.find(step.take) == std::string::npos) {
            return failure(fmt::format("its lines {}-{} do not have '{}'", step.lines.first,
                                       step.lines.last, step.take));
        }
        commands.push_back({step.lines.first, step.take, std::nullopt});
    } else {
        commands = MEMCGFS_TRY(commands_in(lines, step.lines.first, step.lines.last));
    }
    for (const auto& [from, to] : step.replace) {
        bool any = false;
        for (Command& command : commands) {
            any = substitute(from, to, command.text) || any;
        }
        if (!any) {
            return failure(
                fmt::format("its line {} has no '{}' to replace", step.lines.first, from));
        }
    }
    for (Command& command : commands) {
        if (step.shown) {
            command.shown = MEMCGFS_TRY(inline_code(lines, *step.shown));
        } else if (step.prints) {
            command.shown = step.prints;
        }
    }
    return commands;
}

}  // namespace memcgfs::replay
