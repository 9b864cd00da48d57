// SPDX-License-Identifier: MIT
#include "cli/world_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "cli/machine_file.h"

namespace memcgfs::cli {
namespace {

using engine::Layout;
using engine::Profile;

constexpr std::array<std::pair<std::string_view, Layout>, 4> kLayouts{{
    {"v1", Layout::kV1},
    {"v2", Layout::kV2},
    {"hybrid", Layout::kHybrid},
    {"none", Layout::kNone},
}};

Failed<std::string> failure(std::string sentence) { return {std::move(sentence)}; }

std::string profile_names() {
    std::string names;
    for (const Profile& profile : engine::profiles()) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", profile.name);
    }
    return names;
}

Result<Layout, std::string> layout_of(const WorldOptions& options, const Profile* profile) {
    if (options.hierarchy.empty()) {
        const bool v1 = profile != nullptr &&
                        (profile->vendor == engine::Vendor::kAlibaba || !engine::has_v2(*profile));
        return v1 ? Layout::kV1 : Layout::kV2;
    }
    for (const auto& [name, layout] : kLayouts) {
        if (name == options.hierarchy) {
            return layout;
        }
    }
    return failure(
        fmt::format("unknown hierarchy '{}'; known are v1, v2, hybrid, none", options.hierarchy));
}

Result<engine::Machine, std::string> machine_of(const WorldOptions& options,
                                                const Profile& profile) {
    engine::Machine machine;
    if (!options.machine_file.empty()) {
        machine = MEMCGFS_TRY(load_machine_file(options.machine_file));
    }
    machine.page_tables = true;  // processes have some, whatever the machine
    const auto take = [](std::string_view option, const std::string& text, Pages& out,
                         auto parse) -> Result<void, std::string> {
        if (!text.empty()) {
            const auto pages = parse(text);
            if (!pages.ok()) {
                return failure(fmt::format("{} {}", option, pages.error()));
            }
            out = *pages;
        }
        return {};
    };
    if (!options.memory.empty() && !machine.nodes.empty()) {
        return failure(
            fmt::format("--memory does not go with the nodes of {}", options.machine_file));
    }
    MEMCGFS_TRY(take("--memory", options.memory, machine.memory, memory_from));
    MEMCGFS_TRY(take("--swap", options.swap, machine.swap, swap_from));
    if (!options.swap.empty()) {
        machine.swap_devices.clear();
    }
    if (options.cpus) {
        if (*options.cpus < 1 || *options.cpus > kCpusMax) {
            return failure(fmt::format("--cpus must be from 1 to {}", kCpusMax));
        }
        machine.cpus = *options.cpus;
    }
    if (machine.vm_swappiness > profile.swappiness_max) {
        return failure(fmt::format("{}: swappiness {} is above profile {}'s maximum of {}",
                                   options.machine_file, machine.vm_swappiness, profile.name,
                                   profile.swappiness_max));
    }
    return machine;
}

/// "" or a list of names with commas, as mount(8) takes it. What is not named is off.
Result<engine::MountFlags, std::string> mount_flags_of(std::string_view text) {
    engine::MountFlags flags;
    flags.memory_recursiveprot = false;
    while (!text.empty()) {
        const std::string_view name = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), name.size() + 1));
        if (name == "memory_localevents") {
            flags.memory_localevents = true;
        } else if (name == "memory_recursiveprot") {
            flags.memory_recursiveprot = true;
        } else if (name == "pids_localevents") {
            flags.pids_localevents = true;
        } else {
            return failure(
                fmt::format("unknown mount option '{}'; known are memory_localevents, "
                            "memory_recursiveprot, pids_localevents",
                            name));
        }
    }
    return flags;
}

}  // namespace

std::string_view layout_name(Layout layout) {
    for (const auto& [name, value] : kLayouts) {
        if (value == layout) {
            return name;
        }
    }
    MEMCGFS_UNREACHABLE();
}

void add_kernel_options(CLI::App& app, WorldOptions& options) {
    app.add_option(
           "--profile", options.profile,
           fmt::format("Kernel to act as: {} (default: 6.12 for v2, else 6.1)", profile_names()))
        ->type_name("NAME");
    app.add_option(
           "--hierarchy", options.hierarchy,
           "v1, v2, hybrid (v1 and unified/), or none (nothing is mounted: mount(8) it under "
           "'memcgfs run') (default: v1 for 2.6.33, 3.10 and alinux2, else v2)")
        ->type_name("NAME");
    app.add_option(
           "--mount-options", options.mount_options,
           "Of the v2 hierarchy: memory_localevents, memory_recursiveprot, pids_localevents, "
           "with commas (default: memory_recursiveprot)")
        ->type_name("LIST");
}

void add_machine_options(CLI::App& app, WorldOptions& options) {
    app.add_option("--machine", options.machine_file, "Machine file in TOML (docs/machine.md)")
        ->type_name("FILE");
    app.add_option("--memory", options.memory, "Memory of the machine (default: 1G)")
        ->type_name("SIZE");
    app.add_option("--swap", options.swap, "Swap of the machine (default: none)")
        ->type_name("SIZE");
    app.add_option("--cpus", options.cpus, "CPUs of the machine (default: 1)")->type_name("N");
}

void add_speed_options(CLI::App& app, WorldOptions& options) {
    app.add_flag("--fast-reads", options.fast_reads,
                 "Let the host keep contents that have not changed: they are read faster than the "
                 "kernel's own, but have a size (docs/fidelity.md)");
    app.add_flag("--let-cpus-sleep", options.lets_cpus_sleep,
                 "Let idle CPUs of the host sleep between requests that come close together, which "
                 "saves power and makes each slower (root alone can keep them awake)");
}

Result<WorldConfig, std::string> resolve(const WorldOptions& options) {
    WorldConfig config;
    if (!options.profile.empty()) {
        config.profile = engine::find_profile(options.profile);
        if (config.profile == nullptr) {
            return failure(fmt::format("unknown profile '{}'; known are {}", options.profile,
                                       profile_names()));
        }
    }
    config.layout = MEMCGFS_TRY(layout_of(options, config.profile));
    if (config.profile == nullptr) {
        config.profile = &engine::default_profile(config.layout);
    }
    const bool wants_v1 = config.layout == Layout::kV1 || config.layout == Layout::kHybrid;
    if (wants_v1 && !config.profile->v1_memory) {
        return failure(
            fmt::format("profile {} has no v1 memory controller; use --hierarchy v2, or --profile "
                        "{}",
                        config.profile->name, engine::default_profile(Layout::kV1).name));
    }
    const bool wants_v2 = config.layout == Layout::kV2 || config.layout == Layout::kHybrid;
    if (wants_v2 && !engine::has_v2(*config.profile)) {
        return failure(
            fmt::format("profile {} has no cgroup v2; use --hierarchy v1, or --profile {}",
                        config.profile->name, engine::default_profile(Layout::kV2).name));
    }
    config.mount_flags.memory_recursiveprot = config.layout == Layout::kV2;
    if (options.mount_options) {
        config.mount_flags = MEMCGFS_TRY(mount_flags_of(*options.mount_options));
    }
    config.machine = MEMCGFS_TRY(machine_of(options, *config.profile));
    config.fast_reads = options.fast_reads;
    config.quick_wakes = !options.lets_cpus_sleep;
    return config;
}

}  // namespace memcgfs::cli
