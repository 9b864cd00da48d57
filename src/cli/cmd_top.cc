// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "cli/group_report.h"
#include "cli/report.h"
#include "cli/size.h"

namespace memcgfs::cli {
namespace {

struct TopOptions {
    std::string directory = "/sys/fs/cgroup";
    std::uint64_t times = 0;  ///< 0: as is fit for where it goes to
    double delay_seconds = 2;
};

std::string size_or(const std::optional<Bytes>& size, const char* absent) {
    return size ? size_text(*size) : absent;
}

void print(const std::vector<GroupReport>& groups) {
    std::size_t width = std::string_view("GROUP").size();
    for (const GroupReport& group : groups) {
        width = std::max(width, group.path.size());
    }
    fmt::print("{:<{}}  {:>7}  {:>7}  {:>7}  {:>5}  {:>8}  {:<14}  {}\n", "GROUP", width, "USAGE",
               "LIMIT", "SWAP", "KILLS", "PID", "TIER", "COMMAND");
    for (const GroupReport& group : groups) {
        fmt::print("{:<{}}  {:>7}  {:>7}  {:>7}  {:>5}\n", group.path, width,
                   size_or(group.usage, "-"), group.usage ? size_or(group.limit, "max") : "-",
                   size_or(group.swap, "-"), group.kills ? std::to_string(*group.kills) : "-");
        for (const ProcessReport& process : group.processes) {
            const bool charged = process.tier != interface::ChargeTier::kNone;
            fmt::print("{:<{}}  {:>7}  {:>7}  {:>7}  {:>5}  {:>8}  {:<14}  {}\n", "", width,
                       charged ? size_text(process.charged) : "-", "", "", "", process.pid,
                       tier_name(process.tier), process.comm);
        }
    }
    std::fflush(stdout);
}

int show(const TopOptions& options) {
    const bool on_terminal = isatty(STDOUT_FILENO) == 1;
    const bool for_ever = options.times == 0 && on_terminal;
    const std::uint64_t times = options.times == 0 ? 1 : options.times;
    for (std::uint64_t time = 0; for_ever || time < times; ++time) {
        if (time > 0) {
            std::this_thread::sleep_for(std::chrono::duration<double>(options.delay_seconds));
        }
        const auto groups = report_groups(options.directory);
        if (!groups.ok()) {
            return fail(time == 0 ? kExitUsage : kExitRuntime, groups.error());
        }
        if (on_terminal && (for_ever || times > 1)) {
            fmt::print("\033[H\033[2J");  // from the upper left of an empty screen
        }
        print(*groups);
    }
    return 0;
}

}  // namespace

void add_top(CLI::App& app, Action& action) {
    CLI::App* const command =
        app.add_subcommand("top", "Show what groups have, and how their processes are charged");
    auto options = std::make_shared<TopOptions>();
    command->add_option("DIR", options->directory, "A group (default: /sys/fs/cgroup)");
    command
        ->add_option("-n,--times", options->times,
                     "How often (default: for ever on a terminal, else once)")
        ->type_name("N")
        ->check(CLI::PositiveNumber);
    command
        ->add_option("-d,--delay", options->delay_seconds, "Seconds between two times (default: 2)")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.01, 86400.0));
    command->footer(
        "TIER is how a process is charged: exact: followed, each fault waits until it is paid;\n"
        "event: followed, 64 faults near a limit are seen at once; event-untraced: counted, a\n"
        "little later; timer: it is looked at from time to time; modelled: a puppet's memory;\n"
        "-: not at all.\n\n"
        "Example:\n  memcgfs top -n 1 ~/cgroup");
    command->callback([options, &action] { action = [options] { return show(*options); }; });
}

}  // namespace memcgfs::cli
