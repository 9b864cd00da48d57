// SPDX-License-Identifier: MIT
//
// The server side of the control channel: real processes with simulated memory.
//
// A puppet is an open directory on which kHello was called. Its requests act on the engine's task
// for the calling process; closing the directory, as the kernel does for a dying process, is the
// puppet's exit. A puppet that the engine has killed gets ESRCH until its SIGKILL arrives.
//
// File caches live here, one mapping a file, keyed by device and inode; tmpfs files are shmem. A
// file's end is learnt from an inotify watch (IN_DELETE_SELF, IN_UNMOUNT), which unlike an open
// descriptor keeps neither the file nor its mount busy; a kept System V segment's from asking for
// it. Both are looked at in settle(). DEVIATION(file-cache-trust): where no watch can be had
// (permission, limits) the cache stays until the file is truncated by a puppet; truncation by
// other programs is not seen.
//
// Threads: all methods may be called by any thread that holds neither the tree lock nor the
// engine lock. State is guarded by the engine lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "memcgfs/base/mutex.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/interface/control_protocol.h"
#include "memcgfs/vfs/provider.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::interface {

class PuppetFiles;

class PuppetControl {
public:
    /// All references outlive this, and this outlives all open files. `deliver_effects` is called
    /// with no lock held when a request or a puppet's end may have caused effects; it returns
    /// when they have been delivered. It may be empty.
    PuppetControl(engine::Engine& engine, Mutex& engine_mutex, world::TaskTable& tasks,
                  std::function<void()> deliver_effects);
    /// A file's cache that is kept by somebody else, by device and inode; called with no lock held.
    using OtherCaches =
        std::function<std::optional<engine::MappingId>(std::uint64_t device, std::uint64_t inode)>;
    /// Where to ask for caches before one is made here. Before the first request.
    void use_other_caches(OtherCaches others) { other_caches_ = std::move(others); }
    /// A process whose real memory is charged, by its pid; called with no lock held.
    struct Charged {
        ChargeTier tier = ChargeTier::kNone;
        Pages pages{};
    };
    using RealProcesses = std::function<std::optional<Charged>(std::int32_t pid)>;
    /// Whom to ask about processes that are no puppets. Before the first request.
    void use_real_processes(RealProcesses real) { real_processes_ = std::move(real); }
    ~PuppetControl();
    PuppetControl(const PuppetControl&) = delete;
    PuppetControl& operator=(const PuppetControl&) = delete;

    /// Provider::control. Errors: see control_protocol.h.
    Result<vfs::StoreOutcome> control(const vfs::FileContext& context,
                                      std::span<std::byte> message);

    /// Frees the caches of files and segments that have gone. Cheap when none has: to be called
    /// before usage is shown.
    void settle();

    /// Becomes readable (poll(2)) when settle() has something to do about files; -1 if there is
    /// no inotify here.
    int descriptor() const;

private:
    class Puppet;
    class Answer;
    struct Request;

    Charged charged(std::int32_t pid);
    Result<vfs::StoreOutcome> answer_caller(std::unique_ptr<vfs::OpenState>& state,
                                            const world::ProcessInfo& process, Request& request);
    Result<vfs::StoreOutcome> act(Puppet& puppet, Request& request) MEMCGFS_REQUIRES(engine_mutex_);
    Result<vfs::StoreOutcome> make_region(Puppet& puppet, Request& request)
        MEMCGFS_REQUIRES(engine_mutex_);
    Result<vfs::StoreOutcome> make_slab(Puppet& puppet, Request& request, engine::SlabKind kind)
        MEMCGFS_REQUIRES(engine_mutex_);
    Result<vfs::StoreOutcome> act_on_region(Puppet& puppet, Request& request)
        MEMCGFS_REQUIRES(engine_mutex_);
    Result<vfs::StoreOutcome> act_on_file(Puppet& puppet, Request& request)
        MEMCGFS_REQUIRES(engine_mutex_);
    void end_region(Puppet& puppet, std::uint64_t number) MEMCGFS_REQUIRES(engine_mutex_);
    void leave(Puppet& puppet) MEMCGFS_REQUIRES(engine_mutex_);
    /// The puppet's directory has been closed.
    void release(Puppet& puppet);

    engine::Engine& engine_;
    Mutex& engine_mutex_;
    world::TaskTable& tasks_;
    const std::function<void()> deliver_effects_;
    const std::unique_ptr<PuppetFiles> files_;
    OtherCaches other_caches_;
    RealProcesses real_processes_;
};

}  // namespace memcgfs::interface
