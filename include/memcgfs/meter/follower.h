// SPDX-License-Identifier: MIT
//
// Follows the processes of groups with ptrace(2), so that their memory is charged before they use
// much of it, and holds them while they may not go on.
//
// A process is followed from its first move into a group, and all that it forks with it. Nothing
// stops it but: fork, exec, exit, every 64th page fault (fault_trap.h), and a debt. A process that
// may not be followed (a debugger has it, or it is not ours) is looked at when its page faults have
// been counted to 64 (fault_bell.h), where they may be, and by the ticker; it is stopped by signals
// if at all: DEVIATION(unfollowed-processes).
//
// Where the faults are made inside a system call (MAP_POPULATE, mlock(2), a read into fresh
// memory), the ticker sees the growth, and the process is held when the call returns: those that
// are known to bring much (watch_call()) stop at their end.
// DEVIATION(long-calls): until then it is in debt, which no file shows.
//
// Threads: one of its own makes all calls of ptrace(2) and waits for all children of this process:
// nobody else may. It wants SIGCHLD and SIGURG blocked in every thread. The methods: any thread
// that holds no lock.
#pragma once

#include <spdlog/logger.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/base/clock.h"
#include "memcgfs/base/mutex.h"
#include "memcgfs/base/operation.h"
#include "memcgfs/base/result.h"
#include "memcgfs/base/unique_fd.h"
#include "memcgfs/engine/engine.h"
#include "memcgfs/world/task_table.h"

namespace memcgfs::meter {

class Follower {
public:
    /// References outlive it.
    struct Parts {
        engine::Engine& engine;
        Mutex& engine_mutex;
        world::TaskTable& tasks;
        OperationRunner& runner;
        const Clock& clock;  ///< runs at the speed of real time
        spdlog::logger& logger;
        std::function<void()> flush;  ///< delivers effects
        /// Whose memory is modelled: not to be followed.
        std::function<bool(pid_t)> exempt;
        /// A child of this process has ended, with waitpid(2)'s status.
        std::function<void(pid_t, int)> child_ended;
        bool roots_too = false;  ///< whoever is moved is followed, also in the root group
        /// Else nobody is traced, all are looked at from time to time, and children of this process
        /// are nobody's affair: for processes that are not ours.
        bool traces = true;
        /// Whoever is not traced tells of its page faults all the same (fault_bell.h), where it may
        /// be counted, and is stopped by a signal while it has to wait.
        bool counts = true;
        /// The exact tier: threads wait in their page faults until the page is charged
        /// (gatekeeper.h says with what exceptions). A process for which that cannot be done is
        /// followed as usual.
        bool gates = false;
        /// With `gates`: pages that the books have in swap are evicted to this file. Those who are
        /// followed are killed if this process dies without letting them go.
        UniqueFd swap_file{};
        /// Tells the engine of processes that have come and gone; wanted where nobody is traced.
        std::function<void()> refresh{};
        /// A followed thread waits for an answer. Any thread.
        std::function<void()> on_stop = [] {};
    };
    explicit Follower(Parts parts);
    /// Parts::swap_file, in the directory. An error is one sentence: pages cannot be evicted here.
    static Result<UniqueFd, std::string> make_swap_file(const std::string& directory);
    /// stop().
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    /// Lets all go, for good. After it children are anybody's to wait for.
    void stop();

    /// With `roots_too`: the process will become the first that is followed, by exec(2). Returns
    /// when it is.
    void begin(pid_t pid);
    /// The process has been put into another group.
    void moved(pid_t pid);
    /// The process, in the root group, is about to fork into another (clone3(2)). Returns when the
    /// child will be followed.
    void attend(pid_t pid);
    /// Lets a process go that another program is about to trace: from now on it is looked at from
    /// time to time. `running`: returns when it has been let go; else, for who cannot stop before
    /// its system call has been answered, when that is under way. False: it was not followed.
    bool give_up(pid_t pid, bool running);
    /// Returns once those of before are followed.
    void await_moves();
    /// The thread has begun a system call that may bring its process `pages` of new memory. True:
    /// the call is to be made again, as the thread shall stop at its end, for the pages may not
    /// fit; it stops before that. The second time: false.
    bool watch_call(pid_t tid, Pages pages);

    /// The thread has begun a system call that may map private memory (mmap(2), brk(2), mremap(2)).
    /// True: it has a gate and stops at the call's end; the call shall go on when `go_on` is
    /// called, by another thread.
    bool watch_mapping(pid_t tid, std::function<void()> go_on);

    /// Pages of the process, or that of the thread, may be pinned by a call that has begun and goes
    /// on when `go_on` is called, by another thread: none are evicted any more until its next
    /// program. False: none are anyway.
    bool watch_pins(pid_t pid, std::function<void()> go_on);

    /// The thread's process serves page faults of its own from now on, and memory has one who does:
    /// until its next program it is followed as without a gate.
    void leave_faults(pid_t tid);

    /// What the members of the group and below have grown by is charged, or being charged.
    void settle(engine::CgroupId group);
    /// The same for one process.
    void settle_process(pid_t pid);
    /// The same for all who are followed.
    void settle_all();

    /// How a process is charged; nothing for one that is not.
    struct Charge {
        bool traced = false;
        bool gated = false;    ///< its page faults wait
        bool counted = false;  ///< its page faults are counted, though it is not traced
        bool stopped = false;  ///< by a signal of ours
        bool waits = false;    ///< it does not go on before what it has grown by is paid
        Pages pages{};        ///< that it alone has, as of the last look
    };
    std::optional<Charge> charge_of(pid_t pid) const;

private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace memcgfs::meter
