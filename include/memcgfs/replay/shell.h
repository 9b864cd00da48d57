// SPDX-License-Identifier: MIT
//
// A bash that runs one command after the other and keeps its directory, variables and jobs between
// them.
//
// Commands read nothing (/dev/null). What they write to stdout and stderr is kept together, as on a
// terminal; what a job in the background writes belongs to the command during which it comes.
// Not synchronised: one thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "memcgfs/base/result.h"

namespace memcgfs::replay {

struct Outcome {
    enum class End : unsigned char {
        kReturned,  ///< the shell is ready for the next command
        kExited,    ///< the shell has ended with this command
        kTimeout,   ///< it took too long, and the shell was killed
    };
    End end = End::kReturned;
    int status = 0;  ///< the command's; with kExited the shell's, or 128 + its signal
    std::string output;
};

class Shell {
public:
    /// Starts bash in `directory` with these variables added to the environment.
    static Result<std::unique_ptr<Shell>, std::string> start(
        const std::string& directory,
        const std::vector<std::pair<std::string, std::string>>& environment);
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;
    /// Kills it and what is left of its process group.
    ~Shell();

    /// Not after an end other than kReturned.
    Outcome run(std::string_view command, std::chrono::milliseconds patience);

private:
    Shell(pid_t pid, int commands, int statuses, int output)
        : pid_(pid), commands_(commands), statuses_(statuses), output_(output) {}

    bool send(std::string_view command) const;
    void drain(std::string& text) const;
    Outcome finish(Outcome outcome);

    pid_t pid_;
    int commands_;
    int statuses_;
    int output_;
};

}  // namespace memcgfs::replay
