// SPDX-License-Identifier: MIT
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/log.h"
#include "cli/object_graph.h"
#include "cli/report.h"
#include "cli/world_options.h"
#include "memcgfs/runner/daemonize.h"
#include "memcgfs/runner/janitor.h"
#include "memcgfs/runner/mount_table.h"

namespace memcgfs::cli {
namespace {

struct MountCommandOptions {
    WorldOptions world;
    std::string directory;
    std::string charge = "timer";
    bool allow_other = false;
    bool background = false;
    int verbosity = 0;
};

/// What ends a mount. Blocks the signals, and those that the meter waits for, for this thread and
/// those started later.
runner::UniqueFd block_ending_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGURG}) {
        sigaddset(&signals, signal);
    }
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    return runner::UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC));
}

void wait_for_either(int first_fd, int second_fd) {
    std::array<pollfd, 2> wanted{{{first_fd, POLLIN, 0}, {second_fd, POLLIN, 0}}};
    while (poll(wanted.data(), wanted.size(), -1) < 0 && errno == EINTR) {
    }
}

int serve(const WorldConfig& config, const MountCommandOptions& options,
          const std::string& mount_point, runner::Background* background) {
    const auto logger = make_logger(options.verbosity);
    const runner::UniqueFd signals = block_ending_signals();
    auto janitor = runner::MountJanitor::start();
    if (!janitor.ok()) {
        return fail(kExitRuntime, janitor.error());
    }
    auto world = World::create(config, world::LiveTasks::Filter::kAll, *logger);
    if (!world.ok()) {
        return fail(kExitRuntime, world.error());
    }
    if (options.charge != "off") {
        (*world)->look_from_afar(options.charge == "event-untraced");
    }
    if (const auto mounted = (*world)->mount({mount_point, options.allow_other}); !mounted.ok()) {
        return fail(kExitRuntime, mounted.error());
    }
    if (const auto identity = runner::identify_mount(mount_point); identity.ok()) {
        janitor->guard(*identity);
    }
    logger->info("mounted directory={} profile={} hierarchy={}", mount_point, config.profile->name,
                 layout_name(config.layout));
    if (background != nullptr) {
        background->ready();
    }
    wait_for_either(signals.get(), (*world)->ended_fd());
    (*world)->stop_following();
    const auto finished = (*world)->finish();
    janitor->dismiss();
    return finished.ok() ? 0 : fail(kExitRuntime, finished.error());
}

int mount(const MountCommandOptions& options) {
    const auto config = resolve(options.world);
    if (!config.ok()) {
        return fail(kExitUsage, config.error());
    }
    if (config->layout == engine::Layout::kNone) {
        return fail(kExitUsage, "--hierarchy none has nothing to mount: it is for 'memcgfs run'");
    }
    const auto mount_point = runner::check_mount_point(options.directory);
    if (!mount_point.ok()) {
        return fail(kExitRuntime, mount_point.error());
    }
    if (!options.background) {
        return serve(*config, options, *mount_point, nullptr);
    }
    auto daemon = runner::daemonize();
    if (!daemon.ok()) {
        return fail(kExitRuntime, daemon.error());
    }
    return daemon->background ? serve(*config, options, *mount_point, &*daemon->background)
                              : daemon->exit_status;
}

}  // namespace

void add_mount(CLI::App& app, Action& action) {
    CLI::App* const command = app.add_subcommand("mount", "Mount a tree on a directory");
    auto options = std::make_shared<MountCommandOptions>();
    add_kernel_options(*command, options->world);
    add_machine_options(*command, options->world);
    add_speed_options(*command, options->world);
    auto* const background = command->add_flag(
        "--background", options->background,
        "Go to the background once the tree can be used, instead of waiting for its end");
    command->add_flag("-f,--foreground")
        ->description("Stay until Ctrl-C, SIGTERM or umount (the default)")
        ->excludes(background);
    command->add_flag("--allow-other", options->allow_other,
                      "Let other users in (an ordinary user needs user_allow_other in "
                      "/etc/fuse.conf)");
    command
        ->add_option("--charge", options->charge,
                     "Whose real memory is charged: that of processes in groups, as it is found to "
                     "have grown ('timer') or each time they have made 64 page faults, which are "
                     "counted without tracing them ('event-untraced': who has to wait is stopped "
                     "by a signal), or nobody's ('off')")
        ->check(CLI::IsMember({"event-untraced", "timer", "off"}))
        ->capture_default_str();
    command->add_flag("-v,--verbose", options->verbosity, "Log more to stderr; twice: requests");
    command->add_option("DIR", options->directory, "An empty directory")->required();
    command->footer(
        "All processes of the host are in the root groups. End it with Ctrl-C or\n"
        "'fusermount3 -u DIR'.\n\n"
        "Examples:\n"
        "  mkdir ~/cgroup; memcgfs mount --background ~/cgroup; ls ~/cgroup\n"
        "  memcgfs mount --profile alinux2 --memory 8G --swap 1G ~/cgroup");
    command->callback([options, &action] { action = [options] { return mount(*options); }; });
}

}  // namespace memcgfs::cli
