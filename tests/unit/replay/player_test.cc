// SPDX-License-Identifier: MIT
#include "memcgfs/replay/player.h"

#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace memcgfs::replay {
namespace {

using std::chrono::seconds;

std::unique_ptr<Shell> new_shell() {
    auto shell = Shell::start("/", {{"LC_ALL", "C"}});
    REQUIRE(shell.ok());
    return std::move(shell).value();
}

TEST_CASE("a shell keeps its state between commands", "[replay]") {
    const auto shell = new_shell();
    CHECK(shell->run("cd /usr; x=3; f() { echo f; return 4; }", seconds(30)).output.empty());
    const Outcome outcome = shell->run("pwd; echo $x >&2; f", seconds(30));
    CHECK(outcome.end == Outcome::End::kReturned);
    CHECK(outcome.output == "/usr\n3\nf\n");
    CHECK(outcome.status == 4);
    CHECK(shell->run("cat <<EOF\na\nEOF", seconds(30)).output == "a\n");
    CHECK(shell->run("cat", seconds(30)).status == 0);  // there is nothing to read
    const std::string long_text(100'000, 'x');
    CHECK(shell->run("echo " + long_text, seconds(30)).output == long_text + "\n");
}

TEST_CASE("a shell that ends says so", "[replay]") {
    const Outcome ended = new_shell()->run("echo a; exit 3", seconds(30));
    CHECK(ended.end == Outcome::End::kExited);
    CHECK(ended.status == 3);
    CHECK(ended.output == "a\n");
    const Outcome killed = new_shell()->run("kill -9 $$", seconds(30));
    CHECK(killed.end == Outcome::End::kExited);
    CHECK(killed.status == 137);
    const Outcome late = new_shell()->run("echo a; read x <><(:)", std::chrono::milliseconds(300));
    CHECK(late.end == Outcome::End::kTimeout);
}

Verdict verdict(const Step& step, std::optional<std::string> shown, int status,
                const std::string& output) {
    return judge(step, {1, "x", std::move(shown)}, {Outcome::End::kReturned, status, output});
}

TEST_CASE("a command is judged by what is shown, else by its status", "[replay]") {
    Step step;
    CHECK(verdict(step, "1", 0, "1\n") == Verdict::kAsShown);
    CHECK(verdict(step, "1", 0, "2\n") == Verdict::kDiffers);
    CHECK(verdict(step, "no", 1, "no\n") == Verdict::kAsShown);
    CHECK(verdict(step, std::nullopt, 0, "2\n") == Verdict::kAsShown);
    CHECK(verdict(step, std::nullopt, 1, "") == Verdict::kDiffers);
    step.status = 1;
    CHECK(verdict(step, std::nullopt, 1, "") == Verdict::kAsShown);
    CHECK(verdict(step, "no", 0, "no") == Verdict::kDiffers);
    step = {};
    step.ignore = "it varies";
    CHECK(verdict(step, "1", 1, "2\n") == Verdict::kNotCompared);
    CHECK(judge(step, {1, "x", "1"}, {Outcome::End::kTimeout, 0, "1"}) == Verdict::kDiffers);
}

TEST_CASE("a list may say what Linux does otherwise", "[replay]") {
    Step step;
    step.on_linux = "bash: no";
    CHECK(verdict(step, "1", 0, "1\n") == Verdict::kAsShown);
    CHECK(verdict(step, "1", 1, "bash: line 3: no\n") == Verdict::kAsLinux);
    CHECK(verdict(step, "1", 0, "2\n") == Verdict::kDiffers);
    CHECK(verdict(step, std::nullopt, 1, "bash: no\n") == Verdict::kAsLinux);
    CHECK(verdict(step, std::nullopt, 0, "") == Verdict::kAsShown);
    step.run = "x";
    CHECK(verdict(step, std::nullopt, 0, "") == Verdict::kDiffers);
}

Row row_of(std::initializer_list<std::pair<const char*, const char*>> commands) {
    Row row;
    row.id = "R";
    for (const auto& [command, prints] : commands) {
        Step& step = row.steps.emplace_back();
        step.run = command;
        step.prints = prints;
    }
    return row;
}

TEST_CASE("rows share terminals, files and programs", "[replay]") {
    WorldSpec world;
    world.prelude = "greet() { echo hello; }";
    world.programs["say"] = "echo said \"$@\"";
    world.files["text"] = {2, 3};
    const std::vector<std::string> lines{"a", "b", "c"};
    std::string directory;
    {
        const auto place = Workplace::create(world, lines, "/bin/true");
        REQUIRE(place.ok());
        directory = (*place)->directory();
        Player player(world, lines, **place);
        Row first = row_of({{"greet; x=1", "hello"},
                            {"cat text", "b\nc"},
                            {"say a", "said a"},
                            {"memhog", ""},
                            {"echo ${x-unset}", "unset"}});
        first.steps.back().shell = "B";
        auto result = player.play(first);
        REQUIRE(result.ok());
        CHECK(result->verdict() == Verdict::kAsShown);
        const Row second = row_of({{"echo $x", "1"}, {"exit", ""}, {"echo", ""}});
        result = player.play(second);
        REQUIRE(result.ok());
        CHECK(result->commands[0].verdict == Verdict::kAsShown);
        CHECK(result->commands[1].verdict == Verdict::kDiffers);
        CHECK(result->commands[2].verdict == Verdict::kNotRun);
        CHECK(result->verdict() == Verdict::kNotRun);
    }
    CHECK_FALSE(std::filesystem::exists(directory));
}

TEST_CASE("a transcript shows commands, outputs and differences", "[replay]") {
    const WorldSpec world;
    const auto place = Workplace::create(world, {}, "/bin/true");
    REQUIRE(place.ok());
    Player player(world, {}, **place);
    Row row = row_of({{"echo a\necho b", "a\nb"}, {"echo c; false", "d"}});
    row.about = "of letters";
    row.missing = "letters";
    const auto result = player.play(row);
    REQUIRE(result.ok());
    CHECK(transcript(*result) ==
          "== R: of letters\n$ echo a\n> echo b\na\nb\n$ echo c; false\nc\n[status 1]\n"
          "  | differs from what is shown:\n  |   - d\n  |   + c\n  | not there yet: letters\n");
    CHECK(report(*result) ==
          "row\tR\tdiffers\t\tof letters\tletters\n"
          "command\tR\tas shown\tlist\t0\techo a\\necho b\t0\t\ta\\nb\ta\\nb\\n\n"
          "command\tR\tdiffers\tlist\t0\techo c; false\t1\t\td\tc\\n\n");
}

}  // namespace
}  // namespace memcgfs::replay
