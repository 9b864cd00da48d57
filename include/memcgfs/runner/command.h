// SPDX-License-Identifier: MIT
//
// An unmodified command in a mount namespace of its own, with a FUSE tree at /sys/fs/cgroup.
//
// Processes:
//   S  this process: serves the tree, stays in its own mount namespace (inside, it would keep the
//      mount alive for ever after a crash), and is a subreaper. Without CAP_SYS_ADMIN it enters a
//      user namespace that maps only the caller's own ids (on request to root's): a FUSE mount of a
//      user namespace answers only processes inside it, its server included.
//   C  child of S: makes the mount namespace, mounts, waits for start(), becomes CMD. It keeps
//      its uid, working directory, root directory, descriptors and terminal.
//   Z  child of S: the janitor (janitor.h), outside the mount namespace.
//   A  child of S: the mount agent (mount_agent.h), in a copy of the mount namespace.
//
// Ends:
//   CMD ends: what it left behind is killed, as when a container's first process ends. S finds
//     it by descent: a subreaper inherits every orphan, so no double fork or new session gets
//     away, and a process group, a session or a resource limit need not be trusted.
//   S dies: CMD is killed by its parent-death signal. Z aborts the FUSE connections of CMD's
//     namespace, for S does not end while it waits for itself, and kills every process whose mount
//     table has the tree's superblock: exactly those that a dead mount would be left to. Z pins the
//     superblock, so its device number cannot come to mean another file system. A process that has
//     another root or has unmounted the tree shows by is_member.
//   Z dies: nothing happens.
// The mount goes with the last process of the namespace; the server's read then fails ENODEV.
//
// Threads: prepare() before any thread is started, and all calls by the same thread, which must
// live as long as the command (a parent-death signal is sent when that thread ends). Something
// else has to serve the tree meanwhile.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/janitor.h"
#include "memcgfs/runner/mount_agent.h"
#include "memcgfs/runner/unique_fd.h"

namespace memcgfs::runner {

/// The directory that programs expect the tree at.
inline constexpr const char* kCgroupMountPoint = "/sys/fs/cgroup";

/// What CMD finds at the mount point and below: parts of the tree, each mounted by itself.
struct TreeLayout {
    struct Mount {
        std::string directory;  ///< of the tree's root
        std::string place;      ///< below the mount point, without a slash in front; "": itself
    };
    /// Nothing: the whole tree is there as it is.
    std::vector<Mount> mounts;
    /// Names and targets of symbolic links.
    std::vector<std::pair<std::string, std::string>> links;
    bool no_mounts = false;  ///< an empty directory
};

struct CommandOptions {
    std::vector<std::string> argv;  ///< not empty; argv[0] is searched in PATH
    std::vector<std::pair<std::string, std::string>> environment;  ///< added to the caller's
    std::string mount_point = kCgroupMountPoint;
    /// The kernel checks the permissions of the tree, not its server.
    bool kernel_checks = false;
    TreeLayout layout{};
    /// A directory in the place of which the second tree's of the same path is shown, if it is
    /// there and can be covered; empty: none.
    std::string covered_directory{};
    /// Directories that are covered before start(): a working directory there is entered anew.
    std::vector<std::string> further_covered{};
    /// An ordinary user's command finds itself root, so that it may mount in its world.
    bool as_root = false;
    /// Called in Z for each process of the host: whether it came of CMD. May be empty.
    std::function<bool(pid_t)> is_member{};
    /// Called in C just before it becomes CMD; what it gives is take_listener()'s.
    std::function<Result<UniqueFd, std::string>()> make_listener{};
};

/// Why a command did not start, with the status a shell would give for it: 126, 127, or 1.
struct StartFailure {
    int exit_status = 1;
    std::string message;
};

class Command {
public:
    /// Makes C, its namespaces and the mount, and Z. Blocks the signals that wait() forwards in
    /// the calling thread (and those it starts later), for good.
    static Result<std::unique_ptr<Command>, std::string> prepare(CommandOptions options);

    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    /// Kills what is left.
    ~Command();

    /// The descriptor of /dev/fuse that serves the tree; once only. Closing it ends the tree.
    UniqueFd take_fuse_fd() { return std::move(fuse_fd_); }
    /// A second tree's, which is mounted nowhere: for files that take the place of /proc's. Once
    /// only.
    UniqueFd take_proc_fuse_fd() { return std::move(proc_fuse_fd_); }
    /// That mount's root, or why there is none; once only.
    Result<UniqueFd, std::string> take_proc_mount() { return std::move(proc_mount_); }
    /// Who makes mounts in CMD's world, or why nobody does; once only.
    Result<MountAgent, std::string> take_mount_agent() { return std::move(mount_agent_); }
    /// The tree's root, O_PATH: reach files as /proc/self/fd/N/... Closed by wait(). Never touch
    /// it from a thread that serves requests.
    int tree_fd() const { return tree_fd_.get(); }
    /// The device of the tree, as CMD's world sees it.
    dev_t tree_device() const { return tree_device_; }
    /// CMD's process, from prepare() until wait() returns.
    pid_t pid() const { return pid_; }

    /// After start(): what make_listener gave, or why it gave nothing; once only.
    Result<UniqueFd, std::string> take_listener() { return std::move(listener_); }

    /// Lets C become CMD. The tree must be served. After a failure nothing is left of the mount.
    Result<void, StartFailure> start();
    /// Returns once CMD and all that came of it have ended: CMD's exit status, or 128 + signal.
    /// Until then forwards TERM, HUP, INT, QUIT, USR1 and USR2 to CMD, except an INT or QUIT typed
    /// at the terminal, which CMD gets from there. `ended` is called in between: CMD has ended,
    /// what it left behind has not.
    int wait(const std::function<void()>& ended = {});

    /// From now on somebody else waits for the children of this process, as who traces them must,
    /// and tells of each that has ended. Until `ended` has been called. The blocked SIGCHLD is
    /// theirs.
    void leave_children();
    /// With waitpid(2)'s status. Any thread.
    void child_ended(pid_t pid, int status);

private:
    explicit Command(CommandOptions options) : options_(std::move(options)) {}

    Result<void, std::string> fork_child();
    [[noreturn]] void run_child(int socket);
    void become_command(int socket);
    void send_listener(int socket);
    Result<void, std::string> start_janitor();
    void reap();
    void end_rest();

    CommandOptions options_;
    UniqueFd fuse_fd_;
    UniqueFd proc_fuse_fd_;
    Result<UniqueFd, std::string> proc_mount_ = UniqueFd();
    UniqueFd tree_fd_;
    dev_t tree_device_ = 0;
    UniqueFd socket_;  ///< to C, until it has become CMD
    Result<UniqueFd, std::string> listener_ = UniqueFd();
    std::optional<Janitor> janitor_;
    Result<MountAgent, std::string> mount_agent_ = Failed<std::string>{"it is not started"};
    pid_t pid_ = -1;
    std::atomic<int> ended_with_{-1};  ///< CMD's exit status; -1: it goes on
    bool children_left_ = false;
    pthread_t waiter_{};
    sigset_t original_mask_{};
    struct sigaction original_child_action_{};
};

}  // namespace memcgfs::runner
