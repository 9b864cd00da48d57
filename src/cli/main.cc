// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <string>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/version.h"

namespace {

using memcgfs::cli::Action;

/// "memcgfs" or "memcgfs run", for "see '... --help'".
std::string command_name(const CLI::App& app) {
    const auto given = app.get_subcommands();
    return given.empty() ? "memcgfs" : "memcgfs " + given.front()->get_name();
}

int run_memcgfs(int argc, char** argv) {
    CLI::App app{"The Linux memory control-group tree in user space.", "memcgfs"};
    app.set_version_flag("--version", std::string("memcgfs ") + memcgfs::cli::kVersion);
    app.require_subcommand(1);
    app.footer(
        "Examples:\n"
        "  memcgfs mount ~/cgroup &\n"
        "  memcgfs run --profile alinux2 -- sh\n"
        "  memcgfs files --profile 6.1 --hierarchy v1\n\n"
        "'memcgfs COMMAND --help' says more.");
    Action action;
    memcgfs::cli::add_mount(app, action);
    memcgfs::cli::add_run(app, action);
    memcgfs::cli::add_files(app, action);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        return app.exit(asked);
    } catch (const CLI::ParseError& error) {
        return memcgfs::cli::fail(
            memcgfs::cli::kExitUsage,
            fmt::format("{}; see '{} --help'", error.what(), command_name(app)));
    }
    return action();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_memcgfs(argc, argv);
    } catch (const std::exception& error) {
        return memcgfs::cli::fail(memcgfs::cli::kExitRuntime, error.what());
    }
}
