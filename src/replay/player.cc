// SPDX-License-Identifier: MIT
#include "memcgfs/replay/player.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "memcgfs/replay/compare.h"

namespace memcgfs::replay {
namespace {

constexpr std::chrono::seconds kPreludePatience{10};

Failed<std::string> failure(std::string sentence) { return {std::move(sentence)}; }

bool write_file(const std::filesystem::path& path, std::string_view text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    return file.good();
}

/// `name` may not lead elsewhere.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name.find('/') == std::string::npos && name != "." && name != "..";
}

bool is_as_shown(const Step& step, const Command& command, const Outcome& outcome) {
    if (command.shown) {
        return same_output(*command.shown, outcome.output, step.within_percent) &&
               outcome.status == step.status.value_or(outcome.status);
    }
    if (step.on_linux) {
        // Of its own commands the list has said all there is to expect.
        return step.run.empty() && outcome.status == 0 && normalised(outcome.output).empty();
    }
    return outcome.status == step.status.value_or(0);
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::kAsShown:
            return "as shown";
        case Verdict::kNotCompared:
            return "not compared";
        case Verdict::kAsLinux:
            return "as Linux";
        case Verdict::kDiffers:
            return "differs";
        case Verdict::kNotRun:
            return "not run";
    }
    MEMCGFS_UNREACHABLE();
}

Verdict RowResult::verdict() const {
    Verdict verdict = Verdict::kNotCompared;
    for (const CommandResult& command : commands) {
        verdict = std::max(verdict, command.verdict);
    }
    return verdict;
}

Verdict judge(const Step& step, const Command& command, const Outcome& outcome) {
    if (outcome.end != Outcome::End::kReturned) {
        return Verdict::kDiffers;
    }
    if (!step.ignore.empty()) {
        return Verdict::kNotCompared;
    }
    if (is_as_shown(step, command, outcome)) {
        return Verdict::kAsShown;
    }
    const bool as_linux = step.on_linux &&
                          same_output(*step.on_linux, outcome.output, step.within_percent) &&
                          outcome.status == step.status.value_or(outcome.status);
    return as_linux ? Verdict::kAsLinux : Verdict::kDiffers;
}

Result<std::unique_ptr<Workplace>, std::string> Workplace::create(
    const WorldSpec& world, const std::vector<std::string>& lines, const std::string& hog) {
    namespace fs = std::filesystem;
    std::error_code error;
    std::string top = (fs::temp_directory_path(error) / "memcgfs-replay-").string();
    top.append(6, 'X');  // what mkdtemp(3) fills in
    if (error || mkdtemp(top.data()) == nullptr) {
        return failure("cannot make a directory under " + top.substr(0, top.rfind('/')));
    }
    std::unique_ptr<Workplace> place(new Workplace(top, top + "/here"));
    const fs::path programs = fs::path(top) / "bin";
    fs::create_directory(place->directory_, error);
    fs::create_directory(programs, error);
    if (!hog.empty()) {
        fs::create_symlink(hog, programs / "memhog", error);
    }
    if (error) {
        return failure("cannot write to " + top);
    }
    for (const auto& [name, text] : world.programs) {
        const std::string script = text.starts_with("#!") ? text : "#!/usr/bin/env bash\n" + text;
        const bool here = name.starts_with("./");
        const std::string file = here ? name.substr(2) : name;
        const fs::path path = (here ? fs::path(place->directory_) : programs) / file;
        if (!is_plain_name(file) || !write_file(path, script)) {
            return failure(fmt::format("cannot make the program '{}'", name));
        }
        fs::permissions(path, fs::perms::owner_all, error);
    }
    for (const auto& [name, range] : world.files) {
        std::string text;
        for (std::size_t at = range.first; at <= range.last && at <= lines.size(); at++) {
            text.append(lines[at - 1]).append("\n");
        }
        if (range.last > lines.size() || !is_plain_name(name) ||
            !write_file(fs::path(place->directory_) / name, text)) {
            return failure(fmt::format("cannot make '{}' of the document's lines {}-{}", name,
                                       range.first, range.last));
        }
    }
    return place;
}

Workplace::~Workplace() {
    std::error_code ignored;
    std::filesystem::remove_all(top_, ignored);
}

std::vector<std::pair<std::string, std::string>> Workplace::environment() const {
    const char* const path = std::getenv("PATH");
    return {{"LC_ALL", "C"}, {"PATH", top_ + "/bin:" + (path != nullptr ? path : "/usr/bin:/bin")}};
}

Result<Shell*, std::string> Player::shell(const std::string& terminal) {
    const auto known = shells_.find(terminal);
    if (known != shells_.end()) {
        return known->second.get();
    }
    auto shell = MEMCGFS_TRY(Shell::start(place_.directory(), place_.environment()));
    if (!world_.prelude.empty()) {
        const Outcome outcome = shell->run(world_.prelude, kPreludePatience);
        if (outcome.end != Outcome::End::kReturned || outcome.status != 0) {
            return failure(
                fmt::format("the prelude of world '{}' failed: {}", world_.name, outcome.output));
        }
    }
    return shells_.emplace(terminal, std::move(shell)).first->second.get();
}

CommandResult Player::run(const Step& step, const Command& command, Shell* shell) {
    CommandResult result{command, &step, {}, Verdict::kNotRun};
    if (shell == nullptr) {
        return result;
    }
    const std::string text = step.background ? "{ " + command.text + "\n} &" : command.text;
    result.outcome = shell->run(text, step.patience);
    result.verdict = judge(step, command, result.outcome);
    return result;
}

Result<RowResult, std::string> Player::play(const Row& row) {
    RowResult result{&row, {}};
    for (const Step& step : row.steps) {
        const auto commands = commands_of(step, lines_);
        if (!commands.ok()) {
            return failure(
                fmt::format("row {}: the document is another: {}", row.id, commands.error()));
        }
        for (const Command& command : *commands) {
            Shell* const terminal = MEMCGFS_TRY(shell(step.shell));
            result.commands.push_back(run(step, command, terminal));
            if (terminal != nullptr &&
                result.commands.back().outcome.end != Outcome::End::kReturned) {
                shells_[step.shell].reset();
            }
        }
    }
    return result;
}

}  // namespace memcgfs::replay
