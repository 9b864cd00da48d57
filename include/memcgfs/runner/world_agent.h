// SPDX-License-Identifier: MIT
//
// A tiny process that starts programs where a command lives: in its mount namespace, below its
// root directory. Counterpart: call_usermodehelper (kernel/umh.c, 6.1).
//
// A process with threads cannot enter a mount namespace, so this one is forked early and asked by
// messages. It is a child of this process, holds none of its descriptors, and ends with it.
//
// Threads: start() before any thread is started; start_program() by one thread at a time. It waits
// for a fork of the helper's, never for the program or for a file.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner {

class WorldAgent {
public:
    /// `member` is a process of the namespace. One sentence if it cannot be entered.
    static Result<WorldAgent, std::string> start(pid_t member);

    WorldAgent(WorldAgent&&) noexcept = default;
    WorldAgent& operator=(WorldAgent&&) noexcept = default;

    struct Program {
        std::string path;
        std::string argument;
    };
    /// Starts a program with one argument, the environment that the kernel gives its helpers, no
    /// open file and no terminal; nobody hears of its end, nor of a path that cannot be executed.
    /// `before` is called with its process before it runs. ENAMETOOLONG: as for the kernel, which
    /// then runs nothing. ESRCH: the helper has gone. Otherwise what fork(2) says.
    Result<void> start_program(const Program& program, const std::function<void(pid_t)>& before);

private:
    explicit WorldAgent(UniqueFd socket) : socket_(std::move(socket)) {}

    UniqueFd socket_;
};

}  // namespace memcgfs::runner
