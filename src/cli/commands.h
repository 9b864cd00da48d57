// SPDX-License-Identifier: MIT
//
// The subcommands: each declares its options and, once they are parsed, does its work.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace memcgfs::cli {

inline constexpr int kExitRuntime = 1;  ///< it did not work
inline constexpr int kExitUsage = 2;    ///< it was asked for wrongly

/// What runs after parsing; its value is the exit status.
using Action = std::function<int()>;

/// Each adds a subcommand to `app` and sets `action` when that subcommand was given.
void add_mount(CLI::App& app, Action& action);
/// `after_hyphens` is what followed "--" on the command line, which the parser has not seen.
void add_run(CLI::App& app, Action& action, const std::vector<std::string>& after_hyphens);
void add_files(CLI::App& app, Action& action);
void add_machine(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_top(CLI::App& app, Action& action);

}  // namespace memcgfs::cli
