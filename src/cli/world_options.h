// SPDX-License-Identifier: MIT
//
// Which kernel, tree and machine: the options that mount, run and files share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/engine/profile.h"

namespace CLI {
class App;
}

namespace memcgfs::cli {

/// As given; what was not given is empty.
struct WorldOptions {
    std::string profile;
    std::string hierarchy;
    std::string machine_file;
    std::string memory;
    std::string swap;
    std::optional<std::string> mount_options;
    std::optional<std::uint32_t> cpus;
    bool fast_reads = false;
    bool lets_cpus_sleep = false;
};

/// What a tree is made from.
struct WorldConfig {
    const engine::Profile* profile = nullptr;
    engine::Layout layout = engine::Layout::kV2;
    engine::Machine machine;
    engine::MountFlags mount_flags;
    bool fast_reads = false;  ///< Session::Options::fast_reads
    bool quick_wakes = true;  ///< exec::WakeLatency
    /// The tree's root has a directory for each hierarchy, named tree_name_of(), and each is
    /// mounted by itself.
    bool mounted_by_parts = false;
    /// LiveTasks::Options::world_id
    std::uint32_t world_id = 0;
};

void add_kernel_options(CLI::App& app, WorldOptions& options);
void add_machine_options(CLI::App& app, WorldOptions& options);
/// --fast-reads, --let-cpus-sleep.
void add_speed_options(CLI::App& app, WorldOptions& options);

/// Fills in what was not given:
///   hierarchy  v1 for a profile that runs v1 by habit (alinux2), else v2
///   profile    6.12 for v2, 6.1 where a v1 memory controller is wanted
///   mount      memory_recursiveprot on a pure v2 system, as systemd mounts it
///   machine    the machine file's, else 1 GiB without swap and one CPU; single options win
/// Errors (one sentence) are usage errors.
Result<WorldConfig, std::string> resolve(const WorldOptions& options);

/// "v1", "v2", "hybrid" or "none".
std::string_view layout_name(engine::Layout layout);

}  // namespace memcgfs::cli
