// SPDX-License-Identifier: MIT
//
// A world: one tree with all that stands behind it. The one place where objects meet.
//
// Made in this order, which is also the order of "needs"; unmade in the reverse:
//
//   logger, configuration     given
//   SystemClock               the tree's time
//   KernelLog                 what the engine says to the world
//   LiveTasks                 the host's processes
//   engine lock               LockRank::kEngine, for the next two and CgroupFs
//   Effects, Outbox           what the engine wants done; needs those below, told at the end
//   Engine                    profile, layout, machine; clock and outbox
//   ThreadExecutor            its threads start here: fork nothing after this
//   PuppetControl             the control channel's server side
//   CgroupFs                  groups as directories
//   DeliveringProvider        the same, and effects delivered before the answer
//   vfs::Tree                 the hierarchies, in their layout
//   ProcTree                  the files of /proc and /sys
//   Announcer                 a thread that tells inotify of changes, through the mount
//   Settler                   a thread that hears of deleted files
//   ReleaseAgents             use_agent(): a thread that hears of the ends of members
//   Follower                  follow(): a thread that charges real processes
//   fuse::Session             mount() or attach(); a thread of its own serves
//   fuse::Session             attach_proc(): another one serves ProcTree
//
// Threads: one thread makes, mounts and destroys it.
#pragma once

#include <spdlog/logger.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "cli/run_answers.h"
#include "cli/world_options.h"
#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"
#include "memcgfs/runner/world_agent.h"
#include "memcgfs/supervisor/supervisor.h"
#include "memcgfs/world/live_tasks.h"

namespace memcgfs::cli {

class World {
public:
    /// One sentence if the host lacks something.
    static Result<std::unique_ptr<World>, std::string> create(const WorldConfig& config,
                                                              world::LiveTasks::Filter filter,
                                                              spdlog::logger& logger);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    struct MountOptions {
        std::string mount_point;  ///< absolute
        bool allow_other = false;
    };
    /// Mounts the tree and serves it.
    Result<void, std::string> mount(const MountOptions& options);
    /// Serves a connection that is mounted already; takes `fuse_fd` over. `root` is the mounted
    /// tree's root, opened with O_PATH, and is kept until finish().
    Result<void, std::string> attach(int fuse_fd, runner::UniqueFd root);

    /// Serves a further connection with the files that stand for /proc's and /sys'; takes `fuse_fd`
    /// over.
    Result<void, std::string> attach_proc(int fuse_fd);

    /// What processes of the run read and write in the directory (an absolute path without links)
    /// costs page cache: it is covered by a mount of the agent's where `process` lives. Before that
    /// process starts anything. An error is one sentence.
    Result<void, std::string> track(const std::string& directory, runner::MountAgent& agent,
                                    pid_t process);

    /// What a supervisor answers from: the trees as the run sees them. It must have gone before
    /// finish(). May be asked for after attach(), and makes mounts that are in `mounts`.
    /// `release` is what uname(2) tells; empty: the host's.
    std::unique_ptr<supervisor::CallAnswers> call_answers(RunMounts mounts,
                                                          const std::string& release);

    /// Release agents run from now on, started by `agent`. Before attach().
    void use_agent(runner::WorldAgent agent);

    /// The memory of real processes is charged from now on. `child_ended`: see
    /// meter::Follower::Parts, also for the others; with `roots_too` also of those who are adopted.
    /// Before attach().
    struct Charging {
        bool roots_too = false;
        bool gates = false;
        UniqueFd swap_file{};
    };
    void follow(std::function<void(pid_t, int)> child_ended, Charging how);
    /// The same without a tracer: their page faults are counted with `counts`, else they are looked
    /// at from time to time. Before mount().
    void look_from_afar(bool counts);
    /// All of them are let go, for good.
    void stop_following();

    /// Puts a process, and those it will start, into the root groups. ESRCH.
    Result<void> adopt(std::int32_t pid);

    /// Readable (poll) once the serving has ended: unmounted, or failed.
    int ended_fd() const;
    /// Unmounts what mount() has mounted, waits for the serving thread, and says how it ended.
    Result<void, std::string> finish();

private:
    struct State;
    explicit World(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace memcgfs::cli
