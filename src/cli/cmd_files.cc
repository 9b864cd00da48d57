// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/world_options.h"
#include "memcgfs/interface/describe.h"

namespace memcgfs::cli {
namespace {

std::string since_of(const engine::KernelVersion& since) {
    return since == interface::kSinceEver ? "ever" : engine::version_text(since);
}

/// One file, in columns; as words, so that the heading is one too.
struct Line {
    std::string_view name;
    std::string_view hierarchy;
    std::string mode;
    std::string_view where;
    std::string since;
    std::string_view fidelity;
};

std::vector<Line> lines_of(const WorldConfig& config) {
    std::vector<Line> lines{{"NAME", "HIERARCHY", "MODE", "WHERE", "SINCE", "FIDELITY"}};
    const auto mode_of = [](mode_t mode) { return fmt::format("{:04o}", mode); };
    for (const auto& file : interface::describe_files(*config.profile, config.layout)) {
        lines.push_back({file.name, interface::version_name(file.version), mode_of(file.mode),
                         interface::placement_name(file.placement), since_of(file.since),
                         interface::fidelity_name(file.fidelity)});
    }
    for (const auto& file : interface::describe_proc_files(*config.profile)) {
        lines.push_back({file.path, "-", mode_of(file.mode), "run", since_of(file.since),
                         interface::fidelity_name(file.fidelity)});
    }
    return lines;
}

int list_files(const WorldOptions& options) {
    const auto config = resolve(options);
    if (!config.ok()) {
        return fail(kExitUsage, config.error());
    }
    const std::vector<Line> lines = lines_of(*config);
    std::size_t width = 0;
    for (const Line& line : lines) {
        width = std::max(width, line.name.size());
    }
    for (const Line& line : lines) {
        fmt::print("{:<{}}  {:<9}  {:<4}  {:<12}  {:<5}  {}\n", line.name, width, line.hierarchy,
                   line.mode, line.where, line.since, line.fidelity);
    }
    return 0;
}

}  // namespace

void add_files(CLI::App& app, Action& action) {
    CLI::App* const command = app.add_subcommand("files", "List the files of a tree");
    auto options = std::make_shared<WorldOptions>();
    add_kernel_options(*command, *options);
    command->footer(
        "FIDELITY: modelled acts as on the kernel; accounted shows and takes what the kernel\n"
        "does without its further effects; stored only keeps its value, nothing follows.\n"
        "WHERE: in which groups; run: in the /proc and /sys of memcgfs run.\n\n"
        "Example:\n  memcgfs files --profile alinux2");
    command->callback([options, &action] { action = [options] { return list_files(*options); }; });
}

}  // namespace memcgfs::cli
