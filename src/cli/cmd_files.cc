// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/world_options.h"
#include "memcgfs/interface/describe.h"

namespace memcgfs::cli {
namespace {

std::string since_of(const interface::FileDescription& file) {
    return file.since == interface::kSinceEver
               ? "ever"
               : fmt::format("{}.{}", file.since.major, file.since.minor);
}

int list_files(const WorldOptions& options) {
    const auto config = resolve(options);
    if (!config.ok()) {
        return fail(kExitUsage, config.error());
    }
    const auto files = interface::describe_files(*config->profile, config->layout);
    std::size_t width = 0;
    for (const auto& file : files) {
        width = std::max(width, file.name.size());
    }
    constexpr auto kLine = "{:<{}}  {:<9}  {:<4}  {:<12}  {:<5}  {}\n";
    fmt::print(fmt::runtime(kLine), "NAME", width, "HIERARCHY", "MODE", "WHERE", "SINCE",
               "FIDELITY");
    for (const auto& file : files) {
        fmt::print(fmt::runtime(kLine), file.name, width, interface::version_name(file.version),
                   fmt::format("{:04o}", file.mode), interface::placement_name(file.placement),
                   since_of(file), interface::fidelity_name(file.fidelity));
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
        "does without its further effects; stored-only keeps its value, nothing follows.\n\n"
        "Example:\n  memcgfs files --profile alinux2");
    command->callback([options, &action] { action = [options] { return list_files(*options); }; });
}

}  // namespace memcgfs::cli
