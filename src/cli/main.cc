// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/cmd_hog.h"
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

/// Cuts "--" and what follows off `arguments`, and gives what followed: a command's words are none
/// of the parser's business.
std::vector<std::string> take_after_hyphens(std::vector<std::string>& arguments) {
    const auto hyphens = std::find(arguments.begin(), arguments.end(), "--");
    if (hyphens == arguments.end()) {
        return {};
    }
    std::vector<std::string> after(hyphens + 1, arguments.end());
    arguments.erase(hyphens, arguments.end());
    return after;
}

/// "memcgfs hog ..." and a link named memhog; the puppet reads its own words.
bool is_hog(int argc, char** argv) {
    const std::string_view name = argv[0];
    return name.substr(name.rfind('/') + 1) == "memhog" ||
           (argc > 1 && std::string_view(argv[1]) == "hog");
}

int run_hog(int argc, char** argv) {
    const bool by_link = argc < 2 || std::string_view(argv[1]) != "hog";
    std::vector<char*> arguments(argv + (by_link ? 0 : 1), argv + argc);
    std::string name = "hog";
    arguments[0] = name.data();
    const int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    return memcgfs::cli::cmd_hog(count, arguments.data());
}

int run_memcgfs(std::vector<std::string> arguments) {
    std::vector<std::string> after_hyphens;
    if (!arguments.empty() && arguments.front() == "run") {
        after_hyphens = take_after_hyphens(arguments);
    }
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
    memcgfs::cli::add_run(app, action, after_hyphens);
    memcgfs::cli::add_files(app, action);
    memcgfs::cli::add_replay(app, action);
    memcgfs::cli::add_machine(app, action);
    memcgfs::cli::add_doctor(app, action);
    memcgfs::cli::add_top(app, action);
    app.add_subcommand("hog", "Be a process with simulated memory ('memcgfs hog --help')");
    try {
        std::reverse(arguments.begin(), arguments.end());  // as this parser wants them
        app.parse(std::move(arguments));
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
        if (argc > 0 && is_hog(argc, argv)) {
            return run_hog(argc, argv);
        }
        return run_memcgfs({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        return memcgfs::cli::fail(memcgfs::cli::kExitRuntime, error.what());
    }
}
