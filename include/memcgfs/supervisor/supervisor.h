// SPDX-License-Identifier: MIT
//
// Answers the system calls by which a program could find out that the tree is not the kernel's, or
// that the kernel would answer with the host's truth.
//
// A call waits in the kernel (filter.h), is read here, and is either answered or told to go on as
// if nothing had been. What is read of the caller's memory may change the next moment, so nothing
// here is a guard against a program that wants to get away: it is made to agree, not to confine.
//
// Thread: one of its own, from start() to stop(). It is the only one that calls CallAnswers. It
// must never wait for a process of the world, and may touch the world's mounts, which other threads
// serve.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "memcgfs/base/result.h"
#include "memcgfs/runner/unique_fd.h"
#include "memcgfs/supervisor/mount_contexts.h"

namespace spdlog {
class logger;
}

namespace memcgfs::supervisor {

class MachineCalls;

/// A fork as clone(2) or its like asks for it.
struct ForkRequest {
    pid_t caller = 0;     ///< thread, in the supervisor's pid namespace
    bool thread = false;  ///< CLONE_THREAD
    bool cgroup_namespace = false;  ///< CLONE_NEWCGROUP
    /// CLONE_INTO_CGROUP: the node of the group's directory.
    std::optional<std::uint64_t> into;
};

/// An open of a file that is no directory and not to be made.
struct OpenRequest {
    pid_t caller = 0;  ///< thread, in the supervisor's pid namespace
    /// From the root, without "." and "..", links not followed: "/proc/self/cgroup". Numbers of
    /// processes are the caller's.
    std::string path;
    int flags = 0;  ///< open(2)'s
};

/// What the answers are made from. Called by the supervisor's thread alone, without locks.
class CallAnswers {
public:
    virtual ~CallAnswers() = default;

    /// Whether the world's files are on this device.
    virtual bool is_tree(dev_t device) = 0;
    /// Whether statfs(2) of what is on this device is to tell file_system_type().
    virtual bool tells_type(dev_t device) { return is_tree(device); }
    /// f_type of the file system that a file of the world (by its FUSE number) seems to be on:
    /// linux/magic.h's of cgroup2, cgroup, tmpfs for what lies above v1's hierarchies, proc, or the
    /// real one. Nothing for a node that has gone.
    virtual std::optional<std::uint32_t> file_system_type(dev_t device, std::uint64_t node) = 0;
    /// Whether open_file() has files whose last name is this. Asked of every open: cheap.
    virtual bool knows_name(std::string_view name) = 0;
    /// The world's own file for one of the kernel's, opened as asked for, or why it cannot be.
    /// Nothing: the kernel's is meant.
    virtual std::optional<Result<runner::UniqueFd>> open_file(const OpenRequest& request) = 0;
    /// A fork is about to be made. EAGAIN: pids.max. For `into` also what the kernel says of a
    /// group that cannot be entered; and if it is granted, the child will be in it.
    virtual Result<void> may_fork(const ForkRequest& request) = 0;
    /// The caller is about to make itself a cgroup namespace (unshare(2)), if it may.
    virtual void makes_cgroup_namespace(pid_t /*caller*/) {}
    /// The caller is about to trace `tracee`, as it names it, or (0) to be traced itself. True: the
    /// call is to be made again, for the caller has to come to a stop first.
    virtual bool before_trace(pid_t /*caller*/, pid_t /*tracee*/) { return false; }
    /// POSIX_FADV_DONTNEED of all that is in a file, which the kernel hears, too.
    virtual void drop_cache(dev_t /*device*/, std::uint64_t /*inode*/) {}
    /// The caller may get as many bytes of new memory by its call. True: that is to be made again,
    /// for the caller has to come to a stop first.
    virtual bool before_growth(pid_t /*caller*/, std::uint64_t /*bytes*/) { return false; }
    /// The caller is about to map private memory. True: it waits until `go_on` is called, by any
    /// thread.
    virtual bool maps_memory(pid_t /*caller*/, std::function<void()> /*go_on*/) { return false; }
    /// The kernel or the caller may hold pages of a process for a while; 0: of the caller's own.
    /// True: it waits until `go_on` is called, by any thread.
    virtual bool pins_memory(pid_t /*caller*/, pid_t /*owner*/, std::function<void()> /*go_on*/) {
        return false;
    }
    /// The caller is about to have its page faults wait for itself.
    virtual void serves_faults(pid_t /*caller*/) {}
    /// What answers mounts of the type; nullptr: they are the kernel's affair.
    virtual MountAnswers* mounts(FsType /*type*/) { return nullptr; }
    /// The type of the world's file system that is on this device.
    virtual std::optional<FsType> mounted_type(dev_t device) {
        return is_tree(device) ? std::optional(FsType::kCgroup2) : std::nullopt;
    }
    /// What answers calls about the machine (machine_calls.h); nullptr: they are the host's.
    virtual MachineCalls* machine() { return nullptr; }
    MountContexts& mount_contexts() { return mount_contexts_; }

private:
    MountContexts mount_contexts_;
};

class Supervisor {
public:
    /// Serves `listener` until stop(), or until the last process under the filter has gone.
    static std::unique_ptr<Supervisor> start(runner::UniqueFd listener, CallAnswers& answers,
                                             spdlog::logger& logger);
    /// As stop().
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Calls that still wait fail with ENOSYS: no process under the filter may be left.
    void stop();

private:
    class Impl;
    explicit Supervisor(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace memcgfs::supervisor
