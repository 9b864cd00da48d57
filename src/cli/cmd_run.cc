// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/log.h"
#include "cli/object_graph.h"
#include "cli/report.h"
#include "cli/v1_mounts.h"
#include "cli/world_options.h"
#include "memcgfs/meter/follower.h"
#include "memcgfs/runner/command.h"
#include "memcgfs/runner/host.h"
#include "memcgfs/runner/world_agent.h"
#include "memcgfs/supervisor/filter.h"
#include "memcgfs/supervisor/supervisor.h"

namespace memcgfs::cli {
namespace {

struct RunOptions {
    WorldOptions world;
    int verbosity = 0;
    bool uname = false;
    bool as_root = false;
    std::string charge = "event";
    bool evict = false;
    std::vector<std::string> tracked;
};

/// What uname -r says of a Debian, or Alibaba Cloud Linux, with the profile's kernel.
std::string release_of(const engine::Profile& profile) {
    if (profile.name == "alinux2") {
        return "4.19.91-27.al7.x86_64";
    }
    const bool has_sublevel = profile.version.major == 2;  // 2.6.33 as it is
    return fmt::format("{}{}-memcgfs-amd64", profile.name, has_sublevel ? "" : ".0");
}

/// Where shm_open(3) has its files.
constexpr const char* kSharedMemory = "/dev/shm";

bool has_shared_memory() {
    struct statfs status{};
    return statfs(kSharedMemory, &status) == 0 && status.f_type == TMPFS_MAGIC;
}

bool lies_in(std::string_view path, std::string_view directory) {
    return directory == "/" || path == directory ||
           (path.starts_with(directory) && path.substr(directory.size()).starts_with('/'));
}

/// The directories to be tracked, as absolute paths without links.
Result<std::vector<std::string>, std::string> tracked_paths(const std::vector<std::string>& named) {
    std::vector<std::string> paths;
    for (const std::string& directory : named) {
        const std::unique_ptr<char, decltype(&std::free)> path(realpath(directory.c_str(), nullptr),
                                                               std::free);
        if (path == nullptr) {
            return Failed<std::string>{
                fmt::format("cannot track {}: {}", directory, std::strerror(errno))};
        }
        for (const char* const system : {"/proc", "/sys", "/dev"}) {
            if (lies_in(system, path.get()) || lies_in(path.get(), system)) {
                return Failed<std::string>{
                    fmt::format("cannot track {}: {} is the system's", directory, system)};
            }
        }
        paths.emplace_back(path.get());
    }
    return paths;
}

/// In the command's process, just before it becomes the command.
Result<runner::UniqueFd, std::string> prepare_command(const std::string& charge, bool evicts) {
    if (charge != "off") {
        // DEVIATION(no-huge-pages): a huge page is one fault of 512 pages, which would be noticed
        // too late. Inherited, and without effect where it is refused.
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
    return supervisor::install_filter(evicts              ? supervisor::Mappings::kAndPinsWait
                                      : charge == "exact" ? supervisor::Mappings::kWait
                                                          : supervisor::Mappings::kPass);
}

/// Where pages are that have been evicted; none if they are not to be.
Result<UniqueFd, std::string> swap_file_for(const RunOptions& options) {
    const char* const directory = std::getenv("TMPDIR");
    return options.evict
               ? meter::Follower::make_swap_file(directory != nullptr ? directory : "/tmp")
               : UniqueFd();
}

/// Who makes mounts in the run, and those that are there before its command is.
Result<RunMounts, std::string> make_mounts(World& world, const std::vector<std::string>& tracked,
                                           runner::Command& command, spdlog::logger& logger) {
    RunMounts mounts;
    mounts.tree_device = command.tree_device();
    if (auto mount_agent = command.take_mount_agent(); mount_agent.ok()) {
        mounts.agent = std::move(mount_agent).value();
    } else if (tracked.empty()) {
        logger.warn("mounts of cgroup file systems are the kernel's affair: {}",
                    mount_agent.error());
    } else {
        return Failed<std::string>{"nothing can be tracked: " + mount_agent.error()};
    }
    for (const std::string& directory : tracked) {
        MEMCGFS_TRY(world.track(directory, *mounts.agent, command.pid()));
    }
    if (has_shared_memory() && runner::maps_served_files()) {
        mounts.shared_memory = kSharedMemory;
        mounts.process = command.pid();
    }
    return mounts;
}

/// Serves the tree until the command and all that came of it have ended.
int serve_command(const WorldConfig& config, const RunOptions& options, UniqueFd swap_file,
                  runner::Command& command, spdlog::logger& logger) {
    const std::string release = options.uname ? release_of(*config.profile) : "";
    const bool charges = options.charge != "off";
    // DEVIATION(run-is-closed): only what descends from the command belongs to its world; this
    // process does not.
    auto agent = runner::WorldAgent::start(command.pid());  // no thread has been started yet
    auto world = World::create(config, world::LiveTasks::Filter::kOnlyTagged, logger);
    if (!world.ok()) {
        return fail(kExitRuntime, world.error());
    }
    if (agent.ok()) {
        (*world)->use_agent(std::move(agent).value());
    } else {
        logger.warn("release agents are not run: {}", agent.error());
    }
    if (charges) {
        command.leave_children();
        (*world)->follow([&command](pid_t pid, int status) { command.child_ended(pid, status); },
                         {.roots_too = options.charge == "all",
                          .gates = options.charge == "exact",
                          .swap_file = std::move(swap_file)});
    }
    if (const auto served =
            (*world)->attach(command.take_fuse_fd().release(),
                             runner::UniqueFd(fcntl(command.tree_fd(), F_DUPFD_CLOEXEC, 0)));
        !served.ok()) {
        return fail(kExitRuntime, served.error());
    }
    if (const auto adopted = (*world)->adopt(command.pid()); !adopted.ok()) {
        return fail(kExitRuntime, "cannot put the command into the tree");
    }
    auto prepared = make_mounts(**world, options.tracked, command, logger);
    if (!prepared.ok()) {
        return fail(kExitRuntime, prepared.error());
    }
    RunMounts mounts = std::move(prepared).value();
    if (auto proc = command.take_proc_mount(); !proc.ok()) {
        logger.warn("the files of /proc are the host's: {}", proc.error());
    } else if (const auto served = (*world)->attach_proc(command.take_proc_fuse_fd().release());
               !served.ok()) {
        return fail(kExitRuntime, served.error());
    } else {
        mounts.proc = std::move(proc).value();
    }
    auto answers = (*world)->call_answers(std::move(mounts), release);
    if (const auto started = command.start(); !started.ok()) {
        return fail(started.error().exit_status, started.error().message);
    }
    std::unique_ptr<supervisor::Supervisor> supervisor;
    if (auto listener = command.take_listener(); listener.ok()) {
        supervisor = supervisor::Supervisor::start(std::move(listener).value(), *answers, logger);
    } else {
        logger.warn(
            "no system call is answered, so statfs(2) and /proc tell of the host, and "
            "pids.max refuses no fork: {}",
            listener.error());
    }
    const int exit_status = command.wait([&world] { (*world)->stop_following(); });
    supervisor.reset();
    answers.reset();  // it holds the mount of /proc's files
    if (const auto finished = (*world)->finish(); !finished.ok()) {
        logger.warn("serving ended: {}", finished.error());
    }
    return exit_status;
}

int run(const RunOptions& options, const std::vector<std::string>& argv) {
    if (argv.empty()) {
        return fail(kExitUsage, "no command given; see 'memcgfs run --help'");
    }
    auto config = resolve(options.world);
    if (!config.ok()) {
        return fail(kExitUsage, config.error());
    }
    if (options.evict && options.charge != "exact") {
        return fail(kExitUsage, "--evict needs --charge exact");
    }
    auto swap_file = swap_file_for(options);
    if (!swap_file.ok()) {
        return fail(kExitRuntime, swap_file.error());
    }
    config->mounted_by_parts = true;
    config->world_id = world::LiveTasks::new_world_id();
    const auto tracked = tracked_paths(options.tracked);
    if (!tracked.ok()) {
        return fail(kExitUsage, tracked.error());
    }
    const auto logger = make_logger(options.verbosity);
    std::vector<std::string> covered = *tracked;
    covered.emplace_back(kSharedMemory);
    auto command = runner::Command::prepare(
        {argv,
         {{"MEMCGFS_ROOT", runner::kCgroupMountPoint}},
         runner::kCgroupMountPoint,
         config->fast_reads,
         parts_of(*config->profile, config->layout),
         "/sys/devices/system/memory",
         std::move(covered),
         options.as_root,
         [id = config->world_id](pid_t pid) { return world::LiveTasks::has_tag(pid, id); },
         [charge = options.charge, evicts = options.evict] {
             return prepare_command(charge, evicts);
         }});
    if (!command.ok()) {
        return fail(kExitRuntime, command.error());
    }
    RunOptions resolved = options;
    resolved.tracked = *tracked;
    return serve_command(*config, resolved, std::move(swap_file).value(), **command, *logger);
}

}  // namespace

void add_run(CLI::App& app, Action& action, const std::vector<std::string>& after_hyphens) {
    CLI::App* const command =
        app.add_subcommand("run", "Run a command that finds a tree of its own at /sys/fs/cgroup");
    auto options = std::make_shared<RunOptions>();
    add_kernel_options(*command, options->world);
    add_machine_options(*command, options->world);
    add_speed_options(*command, options->world);
    command->add_flag("--uname", options->uname,
                      "uname(2) tells the profile's release, not the host's");
    command->add_flag("--root", options->as_root,
                      "An ordinary user is root in the world (of nothing outside), as scripts that "
                      "mount want it");
    command
        ->add_option("--charge", options->charge,
                     "Whose real memory is charged: that of processes in groups ('event'; 'exact': "
                     "their page faults wait for it, which costs more), in the root group, too "
                     "('all'), or nobody's ('off'). Who cannot be traced is charged as "
                     "'event-untraced' of 'memcgfs mount'")
        ->check(CLI::IsMember({"event", "exact", "all", "off"}))
        ->capture_default_str();
    command->add_flag(
        "--evict", options->evict,
        "With --charge exact: pages that are in swap are so indeed. They leave memory "
        "for a file without a name in TMPDIR, and come back when they are used");
    command
        ->add_option("--track", options->tracked,
                     "What CMD reads and writes in this directory costs page cache, charged to who "
                     "does it; may be given more than once")
        ->type_name("DIR")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    command->add_flag("-v,--verbose", options->verbosity, "Log more to stderr; twice: requests");
    command->prefix_command();
    command->footer(
        "Usage: memcgfs run [OPTIONS] [--] CMD [ARGS...]\n\n"
        "The exit status is CMD's, or 128 + N if signal N ended it. What CMD leaves behind is\n"
        "ended with it. CMD and its children are in the root groups; MEMCGFS_ROOT in their\n"
        "environment names the tree. Files of /proc and /sys that tell of groups or of the "
        "machine\n"
        "are the simulated machine's. An ordinary user needs user namespaces and /dev/fuse.\n\n"
        "Examples:\n"
        "  memcgfs run -- sh\n"
        "  memcgfs run --profile alinux2 --memory 4G -- ./document.sh\n"
        "  memcgfs run --track . -- sh -c 'dd if=big of=copy; free -m'\n"
        "  memcgfs run --root --profile 6.1 -- mount -t cgroup none /mnt -o memory\n"
        "  memcgfs run -- sh -c 'mkdir /sys/fs/cgroup/a; ls /sys/fs/cgroup/a'");
    command->callback([options, command, after_hyphens, &action] {
        std::vector<std::string> argv = command->remaining();
        if (!argv.empty() && argv.front().starts_with('-')) {
            action = [name = argv.front()] {
                return fail(kExitUsage, fmt::format("unknown option {}; see 'memcgfs run --help', "
                                                    "and put -- before a command of that name",
                                                    name));
            };
            return;
        }
        argv.insert(argv.end(), after_hyphens.begin(), after_hyphens.end());
        action = [options, argv] { return run(*options, argv); };
    });
}

}  // namespace memcgfs::cli
