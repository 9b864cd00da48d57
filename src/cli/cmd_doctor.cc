// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>

#include "cli/commands.h"
#include "memcgfs/runner/host.h"

namespace memcgfs::cli {
namespace {

int examine() {
    const auto findings = runner::examine_host();
    for (const runner::HostFinding& finding : findings) {
        if (finding.error == 0) {
            fmt::print("ok       {}\n", finding.what);
        } else {
            fmt::print("missing  {}: {}\n         {}\n", finding.what, std::strerror(finding.error),
                       finding.without);
        }
    }
    const bool fit = std::all_of(findings.begin(), findings.end(), [](const auto& finding) {
        return finding.error == 0 || !finding.essential;
    });
    return fit ? 0 : kExitRuntime;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
    CLI::App* const command = app.add_subcommand(
        "doctor", "Tell what this host allows, and what that which it does not would be for");
    command->footer(
        "The exit status is 0 if trees can be mounted and commands run, 1 if not both.");
    command->callback([&action] { action = examine; });
}

}  // namespace memcgfs::cli
