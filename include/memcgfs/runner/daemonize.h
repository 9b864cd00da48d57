// SPDX-License-Identifier: MIT
//
// Going into the background once there is something to use.
//
// The process that the caller started waits for the one that does the work, so that a script may
// use the mount as soon as the command has returned, and sees its errors and exit status.
#pragma once

#include <optional>
#include <string>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner {

/// The background process's side. Until ready() it has the caller's standard descriptors.
class Background {
public:
    explicit Background(UniqueFd pipe) : pipe_(std::move(pipe)) {}
    /// Ends the waiting process with status 0, goes to "/", and turns stdin, stdout and stderr to
    /// /dev/null.
    void ready();

private:
    UniqueFd pipe_;
};

/// What each of the two processes gets.
struct Daemonized {
    std::optional<Background> background;  ///< the background process's; else to be waited for
    int exit_status = 0;                   ///< the waiting process's, to end with
};

/// Forks; only before any thread is started. The background process has a session of its own.
/// The waiting process returns when the other is ready or has ended: status 0, or the other's.
Result<Daemonized, std::string> daemonize();

}  // namespace memcgfs::runner
