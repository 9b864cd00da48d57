// SPDX-License-Identifier: MIT
#include "memcgfs/replay/list.h"

#include <string>

#include "support/catch.hpp"

namespace memcgfs::replay {
namespace {

List list_from(std::string_view text) {
    auto list = parse_list(text, "l.toml");
    INFO((list.ok() ? std::string() : list.error()));
    REQUIRE(list.ok());
    return std::move(list).value();
}

std::string error_of(std::string_view text) {
    const auto list = parse_list(text, "l.toml");
    REQUIRE(!list.ok());
    CHECK(list.error().find('\n') == std::string::npos);
    return list.error();
}

TEST_CASE("every key of a list arrives", "[replay]") {
    const List list = list_from(
        "document = 'd.md'\ntitle = 't'\n[[world]]\nname = 'w'\nprofile = '6.1'\nmemory = '4G'\n"
        "as-documented = '5.10'\nprelude = 'p'\n[world.programs]\nx = 'echo'\n"
        "[world.stand-ins]\nx = 'why'\n[world.files]\n'a.c' = '3-4'\n"
        "[[row]]\nid = 'A1'\nworld = 'w'\nabout = 'a'\nmissing = 'm'\n"
        "[[row.step]]\nlines = '5-6'\nshell = 'B'\nbackground = true\nwithin = '2.5%'\n"
        "patience = 7\nreplace = { XX = '1' }\nwhy = 'w'\n"
        "[[row.step]]\nrun = 'x'\nsays = 9\nlinux = 'l'\nwhy = 'v'\nstatus = 3\nprints = ''\n"
        "ignore = 'i'\n[[row.step]]\nlines = 8\ntake = 't'\nshown = 10\n");
    CHECK(list.document == "d.md");
    CHECK(list.title == "t");
    REQUIRE(list.worlds.size() == 1);
    const WorldSpec& world = list.worlds[0];
    CHECK(world.options.at("profile") == "6.1");
    CHECK(world.options.at("memory") == "4G");
    CHECK(world.as_documented == "5.10");
    CHECK(world.prelude == "p");
    CHECK(world.programs.at("x") == "echo");
    CHECK(world.program_reasons.at("x") == "why");
    CHECK(world.files.at("a.c").last == 4);
    REQUIRE(list.rows.size() == 1);
    CHECK(list.rows[0].about == "a");
    CHECK(list.rows[0].missing == "m");
    REQUIRE(list.rows[0].steps.size() == 3);
    const Step& first = list.rows[0].steps[0];
    CHECK(first.lines.first == 5);
    CHECK(first.lines.last == 6);
    CHECK(first.shell == "B");
    CHECK(first.background);
    CHECK(first.within_percent == 2.5);
    CHECK(first.patience == std::chrono::seconds(7));
    CHECK(first.replace.size() == 1);
    const Step& second = list.rows[0].steps[1];
    CHECK(second.run == "x");
    CHECK(second.says.first == 9);
    CHECK(second.on_linux == "l");
    CHECK(second.prints == "");
    CHECK(second.status == 3);
    CHECK(second.ignore == "i");
    CHECK(list.rows[0].steps[2].take == "t");
    CHECK(list.rows[0].steps[2].shown == 10U);
}

TEST_CASE("errors of a list name the line and what is wrong", "[replay]") {
    const std::string world = "[[world]]\nname = 'w'\n";
    const std::string row = world + "[[row]]\nid = 'A'\nworld = 'w'\n[[row.step]]\n";
    CHECK(error_of("") == "l.toml: it has no rows");
    CHECK(error_of("x = 1").starts_with("l.toml:1: unknown key 'x'; known are document, row"));
    CHECK(error_of("title = 1") == "l.toml:1: title must be a text");
    CHECK(error_of("title = '").starts_with("l.toml:1: "));
    CHECK(error_of("[[world]]\nprofile = '6.1'\n") == "l.toml:1: a world has a name");
    CHECK(error_of("row = 3") == "l.toml:1: row must be tables: [[...]]");
    CHECK(error_of("[[row]]\nid = 'A'\n") == "l.toml:1: a row has an id and steps");
    CHECK(error_of(row + "lines = 0\n") ==
          "l.toml:7: lines must be lines of the document, such as 12 or \"12-14\"");
    CHECK(error_of(row + "lines = '4-3'\n").starts_with("l.toml:7: lines must be"));
    CHECK(error_of(row + "lines = '4-'\n").starts_with("l.toml:7: lines must be"));
    CHECK(error_of(row + "within = '5'\n") == "l.toml:7: within must be a share, such as \"5%\"");
    CHECK(error_of(row + "patience = 0\n") ==
          "l.toml:7: patience must be a whole number from 1 to 3600");
    CHECK(error_of(row + "status = 1\n") ==
          "l.toml:6: a step has lines of the document, or a command of its own to run");
    CHECK(error_of(row + "lines = 3\nlinux = 'x'\n") ==
          "l.toml:6: where it is not as the document has it, say why");
    CHECK(error_of("[[row]]\nid = 'A'\nworld = 'w'\n[[row.step]]\nrun = 'x'\n") ==
          "l.toml: row A: there is no world 'w'");
    CHECK(error_of(row + "run = 'x'\n[[row]]\nid = 'A'\nworld = 'w'\n[[row.step]]\nrun = 'x'\n") ==
          "l.toml: row A is there twice");
}

TEST_CASE("a step's commands are the document's own", "[replay]") {
    const std::vector<std::string> lines = split_lines(
        "如:echo \"1G\" > memory.reclaim\n\n# echo off > /x/memoryXX/state\n"
        "默认值。 接口值返回示例：`50`。\nnone `here\n");
    Step step;
    step.lines = {1, 1};
    step.take = "echo \"1G\" > memory.reclaim";
    step.shown = 4;
    auto commands = commands_of(step, lines);
    REQUIRE(commands.ok());
    CHECK(*commands == std::vector<Command>{{1, "echo \"1G\" > memory.reclaim", "50"}});
    step.shown = 5;
    CHECK(commands_of(step, lines).error() == "its line 5 shows no `output`");
    step.shown = 9;
    CHECK(commands_of(step, lines).error() == "its line 9 shows no `output`");
    step.take = "echo \"2G\"";
    CHECK(commands_of(step, lines).error() == "its lines 1-1 do not have 'echo \"2G\"'");

    Step replaced;
    replaced.lines = {3, 3};
    replaced.replace = {{"memoryXX", "memory3"}};
    commands = commands_of(replaced, lines);
    REQUIRE(commands.ok());
    CHECK(commands->front().text == "echo off > /x/memory3/state");
    replaced.replace = {{"nothing", ""}};
    CHECK(commands_of(replaced, lines).error() == "its line 3 has no 'nothing' to replace");
}

TEST_CASE("without a list every block is a row", "[replay]") {
    const auto document = parse_document("```sh\necho a\necho b\n```\n", [](auto) { return true; });
    REQUIRE(document.ok());
    const List list = list_of(*document);
    REQUIRE(list.rows.size() == 1);
    CHECK(list.rows[0].id == "lines 2-3");
    CHECK(list.rows[0].steps.size() == 2);
    CHECK(list.find_world(list.rows[0].world) != nullptr);
}

}  // namespace
}  // namespace memcgfs::replay
