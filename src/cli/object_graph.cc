// SPDX-License-Identifier: MIT
#include "cli/object_graph.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>

#include "cli/announcer.h"
#include "cli/delivering_provider.h"
#include "cli/effects.h"
#include "cli/event_descriptors.h"
#include "cli/real_charge.h"
#include "cli/release_agents.h"
#include "cli/settler.h"
#include "cli/tracked_mounts.h"
#include "cli/tree_roots.h"
#include "cli/v1_mounts.h"
#include "cli/write_permission.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/exec/outbox.h"
#include "memcgfs/exec/system_clock.h"
#include "memcgfs/exec/thread_executor.h"
#include "memcgfs/exec/wake_latency.h"
#include "memcgfs/fuse/caller_rights.h"
#include "memcgfs/fuse/session.h"
#include "memcgfs/interface/cgroup_fs.h"
#include "memcgfs/interface/oom_stat.h"
#include "memcgfs/interface/proc_fs.h"
#include "memcgfs/interface/puppet_control.h"
#include "memcgfs/meter/follower.h"
#include "memcgfs/runner/unique_fd.h"
#include "memcgfs/vfs/tree.h"

namespace memcgfs::cli {
namespace {

using engine::Hierarchy;
using engine::Layout;

/// Threads made meanwhile have all signals blocked: they are the main thread's business.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

timespec wall_clock_now() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

/// The kernel's hierarchy roots are 0555, which stops nobody who may override it. An ordinary user
/// may not, and is the owner here. DEVIATION(owner-may-write-root): so the roots are 0755.
mode_t root_mode() { return geteuid() == 0 ? 0555 : 0755; }

std::vector<engine::HierarchySpec> specs_of(const std::vector<V1Mount>& mounts) {
    std::vector<engine::HierarchySpec> specs;
    for (const V1Mount& mount : mounts) {
        specs.push_back(mount.spec);
    }
    return specs;
}

/// The tree is v2's alone.
bool is_whole(const WorldConfig& config) {
    return config.layout == Layout::kV2 && !config.mounted_by_parts;
}

vfs::Tree::Options tree_options(const WorldConfig& config, const engine::Engine& engine,
                                const interface::CgroupFs& cgroup_fs) {
    vfs::Tree::Options options;
    options.uid = geteuid();
    options.gid = getegid();
    options.root_mode = root_mode();
    // cgroup_kn_set_ugid() came after the group had been inherited (up to 6.7).
    options.set_gid_is_for_all = config.profile->version >= engine::KernelVersion{6, 8};
    if (is_whole(config)) {
        options.root = cgroup_fs.root(*engine.unified());
    }
    return options;
}

/// A puppet, or another tool of ours: its own memory is none of the simulated machine's.
bool runs_this_program(pid_t pid) {
    struct stat own{};
    struct stat other{};
    return ::stat("/proc/self/exe", &own) == 0 &&
           ::stat(fmt::format("/proc/{}/exe", pid).c_str(), &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

}  // namespace

struct World::State {
    State(const WorldConfig& config, std::unique_ptr<world::LiveTasks> live_tasks,
          spdlog::logger& log)
        : logger(log),
          tasks(std::move(live_tasks)),
          effects(*tasks, log, kernel_log),
          outbox(effects),
          engine({.profile = *config.profile,
                  .layout = config.layout,
                  .machine = config.machine,
                  .clock = clock,
                  .effects = outbox,
                  .mount_flags = config.mount_flags,
                  .further_hierarchies = specs_of(v1_mounts(*config.profile, config.layout)),
                  .print_stat =
                      [&profile = *config.profile](const engine::Memcg& memcg, TextBuffer& out) {
                          interface::print_oom_stat(profile, memcg, out);
                      }}),
          executor(engine_mutex, outbox, clock),
          tracked({engine, engine_mutex, *tasks, executor, [this] { outbox.flush(); },
                   [this](std::int32_t pid) { settle_process(pid); }}),
          puppets(engine, engine_mutex, *tasks, [this] { outbox.flush(); }),
          fast_reads(config.fast_reads),
          wakes(clock,
                config.quick_wakes ? exec::WakeLatency::open_file : exec::WakeLatency::Open()),
          cgroup_fs(engine, engine_mutex, *tasks, hooks()),
          provider(cgroup_fs, outbox, provider_hooks()),
          tree(provider, wall_clock_now, tree_options(config, engine, cgroup_fs)),
          roots(tree, cgroup_fs, root_mode()),
          proc_tree(
              {engine, engine_mutex, *tasks, cgroup_fs, &kernel_log,
               [this](OperationId id) { executor.wake(id); },
               [this] {
                   settle_all();
                   puppets.settle();
                   outbox.flush();
               }},
              {.wall_clock = wall_clock_now, .uid = geteuid(), .gid = getegid(), .dropped = {}}),
          settler(std::in_place, puppets.descriptor(), [this] {
              puppets.settle();
              outbox.flush();
          }) {
        puppets.use_other_caches([this](std::uint64_t device, std::uint64_t inode) {
            return tracked.cache_of(device, inode);
        });
        puppets.use_real_processes(
            [this](std::int32_t pid) { return charge_of(follower.get(), pid); });
        effects.bind_runner(executor);
        effects.bind_trees({cgroup_fs, tree, proc_tree}, announcer);
        add_hierarchies(config);
    }

    /// Nothing may be delivered to parts that have gone.
    ~State() {
        settler.reset();
        tracked.end();
        if (release_agents) {
            release_agents->stop();
        }
        if (follower) {
            follower->stop();
        }
        provider.stop();
        executor.stop();
        announcer.stop();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void add_hierarchies(const WorldConfig& config);
    interface::Hooks hooks();
    DeliveringProvider::Hooks provider_hooks();
    void settle_process(std::int32_t pid) {
        if (follower) {
            follower->settle_process(pid);
        }
    }
    /// What real processes have grown by.
    void settle_all() {
        if (follower) {
            follower->settle_all();
        }
    }
    vfs::NodeId memory_root() {
        const MutexLock lock(engine_mutex);
        return roots.node(engine.memory_hierarchy().id);
    }
    fuse::Session::Options session_options();
    meter::Follower::Parts follower_parts();
    void follow(meter::Follower::Parts parts);

    spdlog::logger& logger;
    exec::SystemClock clock;
    interface::KernelLog kernel_log{clock};
    std::unique_ptr<world::LiveTasks> tasks;
    Mutex engine_mutex{LockRank::kEngine};
    Effects effects;
    exec::Outbox outbox;
    engine::Engine engine;
    exec::ThreadExecutor executor;
    TrackedMounts tracked;
    interface::PuppetControl puppets;
    const bool fast_reads;
    exec::WakeLatency wakes;
    fuse::ProcCallerRights caller_rights;
    fuse::OpenerRights opener_rights{caller_rights};
    interface::CgroupFs cgroup_fs;
    DeliveringProvider provider;
    vfs::Tree tree;
    TreeRoots roots;
    interface::ProcTree proc_tree;
    Announcer announcer{logger};
    std::optional<Settler> settler;
    std::optional<ReleaseAgents> release_agents;
    std::unique_ptr<meter::Follower> follower;
    bool charges_roots = false;  ///< Follower::Parts::roots_too
    std::unique_ptr<fuse::Session> session;
    runner::UniqueFd root;  ///< of a tree that somebody else has mounted
    runner::UniqueFd ended{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::thread server;
    std::unique_ptr<fuse::Session> proc_session;
    std::thread proc_server;
    std::optional<Result<void, std::string>> outcome;  ///< the server's, once it has been joined

    void serve();
};

void World::State::add_hierarchies(const WorldConfig& config) {
    if (is_whole(config)) {
        roots.set_whole(*engine.unified());
        return;
    }
    if (config.mounted_by_parts) {
        for (const Hierarchy* hierarchy : engine.hierarchies()) {
            roots.add(*hierarchy, tree_name_of(hierarchy->id));
        }
        return;
    }
    if (config.layout == Layout::kHybrid) {
        roots.add(*engine.unified(), "unified");
    }
    for (const V1Mount& mount : v1_mounts(*config.profile, config.layout)) {
        for (const Hierarchy* hierarchy : engine.hierarchies()) {
            if (!hierarchy->is_v2() && hierarchy->controllers == mount.spec.controllers &&
                hierarchy->name == mount.spec.name) {
                roots.add(*hierarchy, mount.directory);
            }
        }
        for (const std::string_view link : mount.links) {
            tree.add_link(link, mount.directory);
        }
    }
}

/// They are called only once the tree is served.
interface::Hooks World::State::hooks() {
    return {.watches_content = fast_reads,
            .control =
                [this](const vfs::FileContext& context, std::span<std::byte> message) {
                    return puppets.control(context, message);
                },
            .may_write =
                [this](vfs::DirKey dir, vfs::FileIndex file, const vfs::Credentials& who) {
                    const FileOfGroup which{
                        engine::CgroupId{static_cast<std::uint64_t>(dir)},
                        interface::all_files()[static_cast<std::size_t>(file)]->name};
                    return may_write(tree, roots.node(engine.default_hierarchy().id), engine,
                                     engine_mutex, which, who, opener_rights);
                },
            .mapped_files = [this](std::int32_t pid) { return tracked.mapped_by(pid); },
            .open_event =
                [this](vfs::DirKey dir, const interface::EventRequest& request,
                       const vfs::Credentials& who) {
                    const V1Tree v1{tree, memory_root(), engine, engine_mutex};
                    const engine::CgroupId group{static_cast<std::uint64_t>(dir)};
                    auto event = open_event(v1, group, request, who);
                    if (!event.ok() && event.error() == Errno::kEPERM) {
                        logger.warn("not allowed to take over the eventfd of tid={}", who.pid);
                    }
                    return event;
                }};
}

/// A value that is read is as new as the read, and a process that is moved has paid before.
DeliveringProvider::Hooks World::State::provider_hooks() {
    return {.before_show =
                [this](const vfs::FileContext& context) {
                    if (follower) {
                        follower->settle(engine::CgroupId{static_cast<std::uint64_t>(context.dir)});
                    }
                    puppets.settle();
                },
            .before_store = [this] { settle_all(); },
            .after_store =
                [this] {
                    if (follower) {
                        follower->await_moves();
                    }
                }};
}

fuse::Session::Options World::State::session_options() {
    fuse::Session::Options options;
    options.fast_reads = fast_reads;
    options.on_request = [this] { wakes.stir(); };
    options.rights = fast_reads ? nullptr : &caller_rights;
    if (fast_reads) {
        options.deliver = [this] { outbox.flush(); };
    }
    return options;
}

/// Starts the server's thread.
void World::State::serve() {
    effects.bind_contents(session->content_changed());
    cgroup_fs.refresh();
    const AllSignalsBlocked blocked;
    server = std::thread([this] {
        outcome.emplace(session->run());
        eventfd_write(ended.get(), 1);
    });
}

World::World(std::unique_ptr<State> state) : state_(std::move(state)) {}

World::~World() {
    if (const auto outcome = finish(); !outcome.ok()) {
        state_->logger.error("serving ended: {}", outcome.error());
    }
}

Result<std::unique_ptr<World>, std::string> World::create(const WorldConfig& config,
                                                          world::LiveTasks::Filter filter,
                                                          spdlog::logger& logger) {
    auto tasks = world::LiveTasks::create({filter, config.world_id});
    if (!tasks.ok()) {
        return Failed<std::string>{
            fmt::format("cannot read /proc: {}; mount it", std::strerror(to_int(tasks.error())))};
    }
    const AllSignalsBlocked blocked;
    return std::unique_ptr<World>(
        new World(std::make_unique<State>(config, std::move(tasks).value(), logger)));
}

Result<void, std::string> World::mount(const MountOptions& options) {
    fuse::Session::Options session_options = state_->session_options();
    session_options.mount_point = options.mount_point;
    session_options.allow_other = options.allow_other;
    state_->session = MEMCGFS_TRY(
        fuse::Session::create(state_->tree, state_->executor, session_options, state_->logger));
    state_->announcer.start([path = options.mount_point] {
        return runner::UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    });
    state_->serve();
    return {};
}

Result<void, std::string> World::attach(int fuse_fd, runner::UniqueFd root) {
    state_->session = MEMCGFS_TRY(
        fuse::Session::attach(fuse_fd, state_->tree, state_->executor, state_->session_options(),
                              state_->logger));
    state_->root = std::move(root);
    state_->announcer.start([&root = state_->root] {
        return runner::UniqueFd(::fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
    });
    state_->serve();
    return {};
}

Result<void, std::string> World::attach_proc(int fuse_fd) {
    State& state = *state_;
    state.proc_session = MEMCGFS_TRY(
        fuse::Session::attach(fuse_fd, state.proc_tree.tree(), state.executor, {}, state.logger));
    const AllSignalsBlocked blocked;
    state.proc_server = std::thread([&state] {
        if (const auto served = state.proc_session->run(); !served.ok()) {
            state.logger.warn("serving /proc has ended: {}", served.error());
        }
    });
    return {};
}

Result<void, std::string> World::track(const std::string& directory, runner::MountAgent& agent,
                                       pid_t process) {
    return state_->tracked.cover(directory, agent, process);
}

std::unique_ptr<supervisor::CallAnswers> World::call_answers(RunMounts mounts,
                                                             const std::string& release) {
    State& state = *state_;
    return std::make_unique<RunAnswers>(
        std::move(mounts),
        RunAnswers::Trees{state.tree, state.proc_tree, state.roots, state.cgroup_fs, state.tracked},
        ForkGate::Parts{state.engine, state.engine_mutex, *state.tasks, state.cgroup_fs,
                        [&state] { state.outbox.flush(); },
                        [&state] { return state.follower.get(); }},
        MachineAnswers::Parts{state.engine, state.engine_mutex, *state.tasks, state.executor,
                              state.kernel_log, [&state] { state.outbox.flush(); }, release},
        TmpfsMounts::Parts{state.engine, state.engine_mutex, *state.tasks, state.executor,
                           [&state] { state.outbox.flush(); }, state.logger,
                           [&state](std::int32_t pid) { state.settle_process(pid); }});
}

void World::use_agent(runner::WorldAgent agent) {
    State& state = *state_;
    const AllSignalsBlocked blocked;
    state.release_agents.emplace(
        std::move(agent), ReleaseAgents::Parts{state.engine, state.engine_mutex, *state.tasks,
                                               state.logger, [&state] {
                                                   state.cgroup_fs.refresh();
                                                   state.outbox.flush();
                                               }});
    state.effects.bind_release_agents(*state.release_agents);
}

meter::Follower::Parts World::State::follower_parts() {
    return {.engine = engine,
            .engine_mutex = engine_mutex,
            .tasks = *tasks,
            .runner = executor,
            .clock = clock,
            .logger = logger,
            .flush = [this] { outbox.flush(); },
            .exempt = runs_this_program,
            .child_ended = {},
            .refresh = [this] { cgroup_fs.refresh(); },
            .on_stop = [this] { wakes.stir(); }};
}

void World::State::follow(meter::Follower::Parts parts) {
    const AllSignalsBlocked blocked;
    follower = std::make_unique<meter::Follower>(std::move(parts));
    effects.bind_moves([this](std::int32_t pid) { follower->moved(pid); });
}

void World::follow(std::function<void(pid_t, int)> child_ended, Charging how) {
    state_->charges_roots = how.roots_too;
    meter::Follower::Parts parts = state_->follower_parts();
    parts.roots_too = how.roots_too;
    parts.gates = how.gates;
    parts.swap_file = std::move(how.swap_file);
    parts.child_ended = std::move(child_ended);
    state_->follow(std::move(parts));
}

void World::look_from_afar(bool counts) {
    meter::Follower::Parts parts = state_->follower_parts();
    parts.traces = false;
    parts.counts = counts;
    state_->follow(std::move(parts));
}

void World::stop_following() {
    if (state_->follower) {
        state_->follower->stop();
    }
}

Result<void> World::adopt(std::int32_t pid) {
    MEMCGFS_TRY(state_->tasks->set_css_set(pid, 0));
    state_->cgroup_fs.refresh();
    if (state_->follower && state_->charges_roots) {
        state_->follower->begin(pid);
    }
    return {};
}

int World::ended_fd() const { return state_->ended.get(); }

Result<void, std::string> World::finish() {
    state_->tracked.end();
    if (state_->proc_server.joinable()) {
        state_->proc_session->stop();
        state_->proc_server.join();
        state_->proc_session.reset();
    }
    if (!state_->server.joinable()) {
        return {};
    }
    state_->session->stop();
    state_->server.join();
    state_->session.reset();
    state_->announcer.stop();  // what it was told to touch has gone: it does not wait any more
    state_->root.reset();
    return *std::exchange(state_->outcome, std::nullopt);
}

}  // namespace memcgfs::cli
