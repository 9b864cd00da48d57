// SPDX-License-Identifier: MIT
//
// Runs rows of a list in the world this process is in, and judges what comes out.
//
// Not synchronised: one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/replay/list.h"
#include "memcgfs/replay/shell.h"

namespace memcgfs::replay {

/// A row's verdict is the greatest of its steps'.
enum class Verdict : unsigned char {
    kNotCompared,  ///< ran; the list says why its output is not looked at
    kAsShown,      ///< as the document says
    kAsLinux,      ///< not as the document says, but as the list says that Linux does
    kDiffers,
    kNotRun,  ///< its shell had ended
};

/// "as shown", "differs", ...
std::string_view verdict_name(Verdict verdict);

struct CommandResult {
    Command command;
    const Step* step = nullptr;
    Outcome outcome;
    Verdict verdict = Verdict::kNotRun;
};

struct RowResult {
    const Row* row = nullptr;
    std::vector<CommandResult> commands;

    Verdict verdict() const;
};

/// What `outcome` says about a command of `step`. Without an output to compare a command has to end
/// with status 0, or the step's.
Verdict judge(const Step& step, const Command& command, const Outcome& outcome);

/// A directory of its own for a world's commands: its files, and the programs that are in PATH
/// first. Gone with the object.
class Workplace {
public:
    /// `hog` is the program that PATH has as memhog; "": the machine's own is used.
    static Result<std::unique_ptr<Workplace>, std::string> create(
        const WorldSpec& world, const std::vector<std::string>& lines, const std::string& hog);
    Workplace(const Workplace&) = delete;
    Workplace& operator=(const Workplace&) = delete;
    ~Workplace();

    const std::string& directory() const { return directory_; }
    std::vector<std::pair<std::string, std::string>> environment() const;

private:
    Workplace(std::string top, std::string directory)
        : top_(std::move(top)), directory_(std::move(directory)) {}

    std::string top_;        ///< bin/ and the directory
    std::string directory_;  ///< where commands begin
};

class Player {
public:
    /// What is given must outlive it.
    Player(const WorldSpec& world, const std::vector<std::string>& lines, const Workplace& place)
        : world_(world), lines_(lines), place_(place) {}

    /// Rows share their shells. An error: the document lacks what the row names, or no shell.
    Result<RowResult, std::string> play(const Row& row);

private:
    /// The shell of a terminal, started when it is first needed; nullptr once it has ended.
    Result<Shell*, std::string> shell(const std::string& terminal);
    CommandResult run(const Step& step, const Command& command, Shell* shell);

    const WorldSpec& world_;
    const std::vector<std::string>& lines_;
    const Workplace& place_;
    std::map<std::string, std::unique_ptr<Shell>> shells_;
};

/// What one would see: commands behind "$ ", outputs, and under a command that is not as shown why
/// or the difference.
std::string transcript(const RowResult& result);

/// For programs: a line for the row, then one for each command, their fields separated by tabs and
/// with \t, \n and \\ in them written so.
///   row ID VERDICT WORLD ABOUT MISSING
///   command ID VERDICT ORIGIN LINE COMMAND STATUS WHY SHOWN OUTPUT
/// ORIGIN is "document" or "list": whose command it is.
std::string report(const RowResult& result);

}  // namespace memcgfs::replay
