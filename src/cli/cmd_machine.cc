// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/world_options.h"
#include "memcgfs/base/clock.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/machine_files.h"

namespace memcgfs::cli {
namespace {

/// A machine that has just booted has nothing to tell.
class NoEffects final : public engine::EffectSink {
public:
    void emit(engine::Effect) override {}
};

struct MachineOptions {
    WorldOptions world;
    std::vector<std::string> files;
};

int show_machine(const MachineOptions& options) {
    const auto config = resolve(options.world);
    if (!config.ok()) {
        return fail(kExitUsage, config.error());
    }
    const ManualClock clock;
    NoEffects effects;
    const engine::Engine engine({.profile = *config->profile,
                                 .layout = config->layout,
                                 .machine = config->machine,
                                 .clock = clock,
                                 .effects = effects});
    const engine::MachineStat stat = engine.machine_stat();
    std::vector<std::string> files = options.files;
    if (files.empty()) {
        files = {"/proc/meminfo", "/proc/zoneinfo"};
    }
    for (const std::string& file : files) {
        TextBuffer text;
        if (!interface::show_machine_file({*config->profile, stat}, file, text)) {
            return fail(kExitUsage,
                        fmt::format("no file '{}' of a machine; known are "
                                    "/proc/meminfo, /proc/swaps, /proc/vmstat, "
                                    "/proc/zoneinfo and "
                                    "/sys/devices/system/node/nodeN/{{meminfo,numastat,vmstat}}",
                                    file));
        }
        if (files.size() > 1) {
            fmt::print("==> {} <==\n", file);
        }
        fmt::print("{}", text.view());
    }
    return 0;
}

}  // namespace

void add_machine(CLI::App& app, Action& action) {
    CLI::App* const command =
        app.add_subcommand("machine", "Show the files of /proc of a machine that is idle");
    auto options = std::make_shared<MachineOptions>();
    add_kernel_options(*command, options->world);
    add_machine_options(*command, options->world);
    command->add_option("FILE", options->files,
                        "Files to show (default: /proc/meminfo and /proc/zoneinfo)");
    command->callback(
        [options, &action] { action = [options] { return show_machine(*options); }; });
}

}  // namespace memcgfs::cli
